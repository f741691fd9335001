"""Search, statistics and the page of one call, before stand-ins for the services."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.desk import EVIL
from tests.browser.site import Site, opened_site
from tests.browser.tried import text_of
from tests.support.fake_answers import summary, timeline_item
from tests.support.fake_suite import FakeSuite
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker

MOODS = ["neutral"] * 20 + ["angry"] * 20 + ["no_speech"] * 5 + ["sad"] * 15


def call(session_id: str = "call-1", **changes: Any) -> dict[str, Any]:
    """A session of two speakers as storage tells of it."""
    return {
        **summary(session_id, MOODS, complete=True),
        "source_id": "line-1",
        "name": "Line 7",
        "speakers": ["customer", "agent"],
        "labels": {"agent_id": "A1207", "queue": "vip"},
        "state": "ended",
        "started_at": "2026-01-04T09:00:00.000Z",
        "ended_at": "2026-01-04T09:01:00.000Z",
        "duration_seconds": 60.0,
        "alerts": 1,
        "gaps": 5,
        **changes,
    }


def timeline(rule: str = "angry") -> dict[str, Any]:
    """Both tracks; five seconds of the agent are a gap."""
    customer = [
        timeline_item(seq, mood) | {"speaker": "customer"} for seq, mood in enumerate(MOODS)
    ]
    agent = [timeline_item(seq, "happy") | {"speaker": "agent"} for seq in range(60)]
    gap = {"speaker": "agent", "first_seq": 10, "last_seq": 14, "reason": "overload", "detail": ""}
    alert = {
        "alert_id": "alert-1",
        "rule": rule,
        "state": "resolved",
        "priority": "high",
        "speaker": "customer",
        "message": "angry for 2 s",
        "started_at": "2026-01-04T09:00:22.000Z",
        "first_seq": 22,
        "last_seq": 24,
    }
    items = [item | {"alert_triggered": False} for item in customer]
    items += [item for item in agent if not 10 <= item["seq"] <= 14]
    return {
        "items": items,
        "gaps": [gap],
        "alerts": [alert],
        "bucket_seconds": 1,
        "next_cursor": None,
    }


def asked(suite: FakeSuite) -> str:
    """What storage was asked for last, statistics apart."""
    return next(query for _, query in reversed(suite.requests) if "tz=" not in query)


async def width_of(canvas: Locator) -> float:
    box = await canvas.bounding_box()
    assert box is not None
    return box["width"]


async def test_calls_are_found_and_lead_to_their_page(site: Site) -> None:
    site.suite.sessions = [call()]
    site.suite.timelines["call-1"] = timeline()
    page = await site.open("/history")
    row = page.locator("#results a")
    await expect(row).to_contain_text("Line 7")
    await expect(row).to_contain_text("1:00")
    await expect(row).to_contain_text("alerts: 1")
    share = await row.locator(".stack").get_attribute("aria-label")
    assert (share or "").startswith("sad 30 %, angry 28 %")
    await page.locator("[name=agent_id]").fill("A1207")
    await page.locator("[name=label]").fill("queue=vip, tier=gold")
    await page.locator("[name=rule]").fill("angry")
    await page.get_by_label("with an alert").check()
    await page.locator("[name=from]").fill("2026-01-04T17:00")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("#results-count")).to_have_text("1 shown")
    await page.wait_for_url("**agent_id=A1207**")
    await row.click()
    await expect(page.locator("#call-name")).to_have_text("Line 7")


async def test_what_is_asked_for_reaches_storage_in_its_words(site: Site) -> None:
    page = await site.open("/history", timezone_id="Asia/Shanghai")
    await page.locator("[name=label]").fill("queue=vip, tier=gold")
    await page.locator("[name=from]").fill("2026-01-04T17:00")
    await page.get_by_label("with an alert").check()
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url("**alerted=true**")
    await page.wait_for_timeout(300)
    query = asked(site.suite)
    assert "label=queue%3Avip&label=tier%3Agold" in query
    assert "from=2026-01-04T09%3A00%3A00.000Z" in query  # the viewer's zone
    assert "alerted=true" in query
    await expect(page.locator("#zone")).to_contain_text("Asia/Shanghai")
    await page.locator("[name=what]").select_option("stretches")
    await expect(page.locator("[name=rule]")).to_be_hidden()
    await page.locator("[name=emotion]").select_option("fearful")
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url("**emotion=fearful**")
    await page.wait_for_timeout(300)
    query = asked(site.suite)
    assert "emotion=fearful" in query
    assert "sort=peak" in query
    assert "alerted" not in query


async def test_stretches_and_words_are_found(site: Site) -> None:
    run: dict[str, Any] = {
        "session_id": "call-1",
        "speaker": "customer",
        "emotion": "angry",
        "agent_id": "7",
    }
    run |= {"start_ms": 61_000, "end_ms": 75_000, "peak": 0.91, "first_seq": 61}
    site.suite.found = [run | {"started_at": "2026-01-04T09:01:01Z"}]
    page = await site.open("/history?what=stretches&emotion=angry")
    row = page.locator("#results a")
    await expect(row).to_contain_text("91 %")
    await expect(row).to_contain_text("1:01 \u2013 1:15")
    await expect(row).to_have_attribute("href", "/calls/call-1#t=61")
    found = {"kind": "alert", "id": "alert-1", "field": "verdict_comment", "text": EVIL}
    site.suite.found = [found]
    await page.goto(site.url + "/history?what=words&q=x")
    await expect(row).to_contain_text(EVIL)
    await expect(row).to_have_attribute("href", "/alerts?open=alert-1")


async def test_statistics_stand_beside_the_results(site: Site) -> None:
    page = await site.open("/history")
    await expect(page.locator("#distribution")).to_contain_text("30.0 %")
    await expect(page.locator("#distribution-note")).to_have_text("of 1:40, 1:30 of it with speech")
    await expect(page.locator("#agents")).to_contain_text("A1207")
    for part in ("heat", "trend", "precision"):  # there is nothing to tell here
        await expect(page.locator(f"#{part}-part")).to_be_hidden()


def trend_point(day: int, alerts: int = 0, **emotions: int) -> dict[str, Any]:
    spoken = sum(emotions.values())
    start = f"2026-01-{day:02}T00:00:00+00:00"
    sums = {"seconds": spoken + 10, "speech_seconds": spoken, "emotions": emotions}
    return {"start": start, "alerts": alerts, **sums}


async def test_the_trend_is_drawn_with_its_alerts_and_as_a_table(site: Site) -> None:
    site.suite.trend = [
        trend_point(1, neutral=60, angry=20),
        trend_point(2, alerts=2, neutral=30, angry=10),
        trend_point(5, sad=80),
    ]
    page = await site.open("/history", timezone_id="UTC")
    chart = page.locator("#trend svg")
    await expect(chart.locator("g")).to_have_count(3)
    await expect(chart.locator(".alert-dot")).to_have_count(1)
    places = await chart.locator(".hit").evaluate_all(
        "all => all.map((each) => Number(each.getAttribute('x')))"
    )
    one = places[1] - places[0]
    assert places[2] - places[1] == pytest.approx(3 * one)  # days without speech have their place
    heights = await chart.locator(".fill-angry").evaluate_all(
        "all => all.map((each) => Number(each.getAttribute('height')))"
    )
    assert heights[0] == pytest.approx(2 * heights[1])
    await chart.locator(".hit").nth(1).hover()
    await expect(page.locator("#tip")).to_contain_text("neutral 75 % · angry 25 % · alerts: 2")
    await page.get_by_text("As a table").click()
    await expect(page.locator("#trend-rows tr").nth(1)).to_contain_text("neutral 75 %, angry 25 %")
    await page.get_by_label("Trend by").select_option("week")
    await wait_until(lambda: any("by=week" in query for _, query in site.suite.requests))
    assert site.complaints == []


async def test_hours_of_the_week_and_agents_are_those_of_the_chosen_emotion(site: Site) -> None:
    cell = {"weekday": 2, "hour": 9, "speech_seconds": 100, "emotion_seconds": 40, "share": 0.4}
    empty = {**cell, "emotion_seconds": 0, "share": None}
    site.suite.heat = [
        cell if (day, hour) == (2, 9) else {**empty, "weekday": day, "hour": hour}
        for day in range(7)
        for hour in range(24)
    ]
    page = await site.open("/history")
    heat = page.locator("#heat")
    await expect(heat).to_have_attribute(
        "aria-label", "The emotion by hour of the week, angry: Wed 9:00 40 %"
    )
    await expect(heat.locator("i")).to_have_count(168)
    await page.get_by_label("Emotion compared").select_option("fearful")
    await expect(heat.locator("i.emotion-fearful")).to_have_attribute(
        "title", "Wed 9:00 · fearful 40 %"
    )
    asked = [query for _, query in site.suite.requests if "emotion=fearful" in query]
    assert asked


async def test_precision_of_rules_is_told_with_how_many_were_judged(site: Site) -> None:
    counts = {"alerts": 9, "right": 3, "false_alarm": 1, "needs_coaching": 0}
    site.suite.precision = [
        {"rule": EVIL, **counts, "judged": 4, "precision": 0.75},
        {"rule": "new", **counts, "judged": 0, "precision": None},
    ]
    page = await site.open("/history?lang=zh")
    rows = page.locator("#precision tr")
    await expect(rows.nth(0)).to_contain_text(f"{EVIL}975 %")
    await expect(rows.nth(1)).to_contain_text("未评定")
    assert await page.locator("main img, main script").count() == 0
    await rows.nth(1).get_by_role("link").click()
    await expect(page).to_have_url(f"{site.url}/alerts?rule=new")


async def test_all_that_the_filters_pick_can_be_downloaded(site: Site) -> None:
    page = await site.open("/history?what=stretches&emotion=sad&agent_id=7&label=queue=vip")
    link = page.get_by_role("link", name="seconds (CSV)")
    address = "/api/v1/export/records?agent_id=7&label=queue%3Avip&emotion=sad&format=csv&bom=true"
    await expect(link).to_have_attribute("href", address)
    async with page.expect_download() as waiting:
        await link.click()
    download = await waiting.value
    assert "session_id" in await text_of(download)
    await page.locator("[name=agent_id]").fill("8")
    await page.get_by_role("button", name="Search").click()
    alerts = page.get_by_role("link", name="Alerts (JSONL)")
    await expect(alerts).to_have_attribute(
        "href", "/api/v1/export/alerts?agent_id=8&label=queue%3Avip&format=jsonl"
    )


async def test_a_call_shows_both_speakers_in_step_with_alerts_gaps_and_stretches(
    site: Site,
) -> None:
    site.suite.sessions = [call()]
    site.suite.timelines["call-1"] = timeline()
    page = await site.open("/calls/call-1")
    names = await page.locator("#tracks .track-name").all_inner_texts()
    assert names == ["customer", "agent"]
    customer, agent = (page.locator("#tracks canvas").nth(number) for number in (0, 1))
    for canvas, second, emotion in (
        (customer, 30, "angry"),
        (customer, 42, "no speech"),
        (agent, 12, "not scored"),
        (agent, 30, "happy"),
    ):
        width = await width_of(canvas)
        await canvas.hover(position={"x": (second + 0.5) / 60 * width, "y": 40})
        await expect(page.locator("#tip")).to_contain_text(f"0:{second}  {emotion}")
    await expect(page.locator("#gaps")).to_contain_text("agent · the services were overloaded")
    await expect(page.locator("#call-alerts")).to_contain_text("angry")
    await page.get_by_role("button", name="Go to 0:22").click()
    lines = page.locator(".playhead")
    places = [await lines.nth(number).evaluate("line => line.style.left") for number in (0, 1)]
    assert places[0] == places[1] == f"{100 * 22 / 60:.4f}%"
    assert page.url.endswith("#t=22")
    await expect(page.locator("#segments tr").nth(1)).to_contain_text("fearful")
    download = page.get_by_role("link", name="seconds (CSV)")
    address = "/api/v1/export/records?session_id=call-1&format=csv"
    await expect(download).to_have_attribute("href", address)
    assert site.complaints == []


async def test_a_long_call_is_drawn_in_steps_of_several_seconds(site: Site) -> None:
    items = [timeline_item(seq * 10, "sad") | {"speaker": "mixed"} for seq in range(360)]
    site.suite.sessions = [call(speakers=["mixed"], duration_seconds=3600.0)]
    site.suite.timelines["call-1"] = timeline() | {
        "items": items,
        "gaps": [],
        "alerts": [],
        "bucket_seconds": 10,
    }
    page = await site.open("/calls/call-1")
    canvas = page.locator("#tracks canvas")
    width = await width_of(canvas)
    await canvas.hover(position={"x": width / 2 + 1.5, "y": 40})
    await expect(page.locator("#tip")).to_contain_text("30:00  sad")
    await canvas.click(position={"x": width / 2 + 1.5, "y": 40})
    assert page.url.endswith("#t=1800")


async def test_a_call_that_is_not_there_is_said(site: Site) -> None:
    page = await site.open("/calls/call-9")
    await expect(page.locator("#call-problem")).to_contain_text("There is no call call-9")
    await expect(page.locator("#call")).to_be_hidden()


@pytest.mark.parametrize("path", ["/history", "/calls/call-1"])
async def test_both_pages_are_chinese_on_request_on_a_phone_and_names_are_text(
    site: Site, path: str
) -> None:
    labels = {"agent_id": EVIL, "queue": "x" * 200}
    site.suite.sessions = [call(name=EVIL, labels=labels)]
    site.suite.timelines["call-1"] = timeline(rule=EVIL)
    phone = {"width": 390, "height": 800}
    page = await site.open(f"{path}?lang=zh", viewport=phone, color_scheme="dark")
    main = page.locator("main")
    await expect(main).to_contain_text(EVIL)
    await expect(main).to_contain_text("坐席")
    assert await page.locator("main img, main script").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_a_service_that_is_down_is_said_on_each_page_and_the_page_stands(
    suite: FakeSuite,
    broker: RedisBroker,
    browser: Browser,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    suite.urls["alerting"] = suite.urls["storage"] = f"http://127.0.0.1:{free_port()}"
    async with opened_site(suite, broker, browser, tmp_path) as site:
        for path, place, service in (
            ("/alerts", "#inbox-problem", "alerting"),
            ("/history", "#results-problem", "storage"),
            ("/calls/call-1", "#call-problem", "storage"),
            ("/rules", "#rules-away", "alerting"),
            ("/webhooks", "#hooks-problem", "alerting"),
        ):
            page = await site.open(path)
            await expect(page.locator(place)).to_contain_text(f"{service} does not answer")
            await expect(page.locator("nav.pages [aria-current]")).to_have_count(1)
            await page.context.close()
