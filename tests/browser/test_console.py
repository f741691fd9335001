"""The console's page as a person sees it: try a file, watch calls, be told of alerts."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.site import PAINTED, Site, opened_site
from tests.browser.tried import upload
from tests.support.fake_suite import FakeSuite
from tests.support.messages import make_alert, make_score, make_session
from tonewatch.shared.broker import MemoryBroker, Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Alert, AlertState, SessionState
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def alert_now(state: AlertState = AlertState.FIRING, **changes: Any) -> Alert:
    now = utc_now() + timedelta(seconds=state is AlertState.RESOLVED)
    return make_alert(state, at=now, decided_at=now, **changes)


async def test_a_call_appears_moves_and_ends(site: Site, broker: RedisBroker) -> None:
    page = await site.open()
    await expect(page.locator("#live-empty")).to_be_visible()
    started = make_session(name="Line 7", labels={"agent_id": "A1207"})
    await broker.publish([Outgoing(SESSIONS, started)])
    card = page.get_by_role("article", name="Line 7")
    await expect(card).to_contain_text("agent A1207")
    await expect(page.locator("#live-empty")).to_be_hidden()
    await broker.publish([Outgoing(SCORES, make_score(0, "neutral", 0.61))])
    await expect(card.locator(".now")).to_have_text("neutral61 %")
    few = await card.locator("canvas").evaluate(PAINTED)
    await broker.publish([Outgoing(SCORES, make_score(s, "angry", 0.93)) for s in range(1, 60)])
    await expect(card.locator(".now")).to_have_text("angry93 %")
    await expect(card.locator(".time")).to_have_text("1:00")
    assert await card.locator("canvas").evaluate(PAINTED) > 5 * few
    await expect(card.locator("canvas")).to_have_attribute(
        "aria-label", "Emotion over the last minutes, mixed: angry 98 %, neutral 2 %"
    )
    await broker.publish([Outgoing(SESSIONS, make_session(SessionState.ENDED, name="Line 7"))])
    await expect(card).to_contain_text("ended")
    assert site.complaints == []


async def test_a_page_opened_later_shows_what_was_said_before(
    site: Site, broker: RedisBroker
) -> None:
    await broker.publish([Outgoing(SESSIONS, make_session(name="Line 7"))])
    await broker.publish([Outgoing(SCORES, make_score(s, "sad", 0.8)) for s in range(90)])
    page = await site.open()
    card = page.get_by_role("article", name="Line 7")
    await expect(card.locator(".time")).to_have_text("1:30")
    await expect(card.locator(".now")).to_have_text("sad80 %")


async def test_an_alert_pops_up_is_listed_marks_its_call_and_resolves(
    site: Site, broker: RedisBroker
) -> None:
    page = await site.open()
    await broker.publish([Outgoing(SESSIONS, make_session(name="Line 7"))])
    await broker.publish([Outgoing(SCORES, make_score(s, "angry")) for s in range(5)])
    await page.get_by_role("article", name="Line 7").wait_for()
    await broker.publish([Outgoing(ALERTS, alert_now(rule="VIP客户恐惧告警"))])
    toast = page.get_by_role("alert")
    await toast.hover()  # it stays for as long as somebody reads it
    await expect(toast).to_contain_text("VIP客户恐惧告警")
    await expect(toast).to_contain_text("Line 7")
    item = page.locator("#alerts li.alert")
    await expect(item).to_contain_text("firing")
    await expect(page.locator(".card.alarm .badge")).to_have_text("alert")
    await broker.publish([Outgoing(ALERTS, alert_now(AlertState.RESOLVED, rule="VIP客户恐惧告警"))])
    await expect(item).to_contain_text("resolved")
    await expect(page.locator(".card.alarm")).to_have_count(0)
    await toast.get_by_role("button", name="Close").press("Enter")
    await expect(toast).to_have_count(0)
    assert site.complaints == []


async def test_past_alerts_rules_and_sources_are_listed(site: Site) -> None:
    past = make_alert(AlertState.RESOLVED, rule="old one").model_dump(mode="json", exclude={"at"})
    site.suite.alerts = [{**past, "resolved_at": past["decided_at"], "fired_at": None}]
    combination = {"emotions": ["sad", "neutral"], "min_sum": 0.8}
    rule = {"name": "sum", "combination": combination, "duration_sec": 1.0, "priority": "medium"}
    site.suite.rules = {"rules": [rule], "warnings": ["no mail server is configured"]}
    page = await site.open()
    await expect(page.locator("#alerts")).to_contain_text("old one")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.locator("#rules")).to_contain_text("sad + neutral together at least 80 %")
    await expect(page.locator("#rules-problem")).to_have_text("no mail server is configured")
    await page.get_by_text("Add a source", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Encoder 1")
    await page.get_by_label("Kind").select_option("rtmp")
    await page.get_by_role("button", name="Add", exact=True).press("Enter")
    await expect(page.locator("#add-answer")).to_contain_text("k-123")
    await expect(page.locator("#sources")).to_contain_text("Encoder 1")


async def test_the_page_is_chinese_on_request_and_stays_so(site: Site, broker: RedisBroker) -> None:
    page = await site.open()
    await page.get_by_role("link", name="中文").click()
    await expect(page.get_by_role("heading", name="实时通话")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    await broker.publish([Outgoing(SESSIONS, make_session(labels={"agent_id": "A1"}))])
    await broker.publish([Outgoing(SCORES, make_score(0, "angry", 0.9))])
    await expect(page.locator(".now")).to_have_text("生气90 %")
    await expect(page.locator(".card .chips")).to_have_text("坐席 A1")
    await page.goto(site.url)
    await expect(page.get_by_role("heading", name="试一试")).to_be_visible()


async def test_names_and_labels_are_text_never_markup(site: Site, broker: RedisBroker) -> None:
    site.suite.rules = {"rules": [{"name": EVIL, "emotion": "angry", "threshold": 0.7}]}
    site.suite.sources = [{"id": "1", "name": EVIL, "kind": "pull", "state": "live", "url": EVIL}]
    page = await site.open()
    started = make_session(name=EVIL, labels={"agent_id": EVIL, '"><b>': "x"})
    await broker.publish([Outgoing(SESSIONS, started), Outgoing(SCORES, make_score(0))])
    await broker.publish([Outgoing(ALERTS, alert_now(rule=EVIL, labels={"x": EVIL}))])
    await expect(page.locator(".card h3")).to_have_text(EVIL)
    await expect(page.get_by_role("alert").locator("strong")).to_have_text(EVIL)
    await expect(page.locator("#rules strong")).to_have_text(EVIL)
    await expect(page.locator("#sources strong")).to_have_text(EVIL)
    assert await page.locator("main img, main script, .toasts script").count() == 0
    assert site.complaints == []


async def test_a_lost_console_is_said_at_once_and_the_page_catches_up(
    suite: FakeSuite, browser: Browser, free_port: Callable[[], int], tmp_path: Path
) -> None:
    broker = MemoryBroker(partitions=2)
    port = free_port()
    async with opened_site(suite, broker, browser, tmp_path, port=port) as site:
        page = await site.open()
        await broker.publish([Outgoing(SCORES, make_score(0, "neutral"))])
        await expect(page.locator(".now")).to_contain_text("neutral")
    await expect(page.locator("#banner")).to_contain_text("stale since")
    await broker.publish([Outgoing(SCORES, make_score(1, "happy"))])
    async with opened_site(suite, broker, browser, tmp_path, port=port):
        await expect(page.locator(".now")).to_contain_text("happy", timeout=15_000)
        await expect(page.locator("#banner")).to_be_hidden()
        broker.available = False
        await expect(page.locator("#banner")).to_contain_text("broker is away", timeout=10_000)
        broker.available = True
        await expect(page.locator("#banner")).to_be_hidden(timeout=15_000)
        await page.close()


async def test_a_service_that_is_down_leaves_the_rest_of_the_page_working(
    suite: FakeSuite,
    broker: RedisBroker,
    browser: Browser,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    suite.urls["alerting"] = suite.urls["storage"] = f"http://127.0.0.1:{free_port()}"
    async with opened_site(suite, broker, browser, tmp_path) as site:
        page = await site.open()
        await expect(page.locator("#system .down")).to_have_count(2)
        await expect(page.locator("#rules-problem")).to_contain_text("alerting does not answer")
        await expect(page.locator("#alerts-problem")).to_contain_text("storage does not answer")
        await broker.publish([Outgoing(SCORES, make_score(0, "happy"))])
        await expect(page.locator(".now")).to_contain_text("happy")
        await page.close()


async def test_a_phone_shows_the_whole_page_without_scrolling_sideways(
    site: Site, broker: RedisBroker, tmp_path: Path
) -> None:
    long_name = "x" * 200
    labels = {f"label_{number}": "y" * 60 for number in range(6)}
    await broker.publish([Outgoing(SESSIONS, make_session(name=long_name, labels=labels))])
    await broker.publish([Outgoing(SCORES, make_score(0)), Outgoing(ALERTS, alert_now())])
    page = await site.open(viewport={"width": 360, "height": 740}, color_scheme="dark")
    await upload(page, tmp_path / f"{'z' * 120}.wav")
    await expect(page.locator("#result")).to_be_visible()
    await page.locator(".card h3").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_everything_is_reached_by_keyboard(site: Site) -> None:
    page = await site.open()
    names = []
    for _ in range(30):
        await page.keyboard.press("Tab")
        names.append(
            await page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    assert names[0] == "Skip to content"
    reached = " ".join(names)
    for target in ("Console", "Storage", "中文", "file", "Add a source"):
        assert target in reached
