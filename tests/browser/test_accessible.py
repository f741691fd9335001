"""axe-core looks at every page, as each state of it stands: wide and narrow, light and dark."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.desk import Desk
from tests.support.fake_answers import summary, timeline_item
from tests.support.messages import make_score, make_session
from tonewatch.console.pages import PAGES
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.streams import SCORES, SESSIONS

MOODS = ["neutral"] * 5 + ["angry"] * 5 + ["no_speech"] * 2 + ["sad"] * 3
SIZES = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
GRAVE = {"serious", "critical"}


@dataclass(frozen=True)
class View:
    """A page, and what is to be opened on it before it is looked at."""

    path: str
    prepare: Callable[[Page], Awaitable[None]]


async def a_call(page: Page) -> None:
    await expect(page.locator("#cards > *").first).to_be_visible()
    await page.get_by_text("Add a source", exact=True).click()


async def an_alert(page: Page) -> None:
    await page.locator("button.row").first.click()
    await expect(page.locator(".detail h3").first).to_be_visible()


async def found_calls(page: Page) -> None:
    await expect(page.locator("#results > *").first).to_be_visible()


async def a_whole_call(page: Page) -> None:
    await expect(page.locator("#tracks canvas").first).to_be_visible()


async def the_editor(page: Page) -> None:
    await page.locator("#rule-new").click()
    await expect(page.locator("#editor-save")).to_be_enabled()
    for part in await page.locator("details > summary").all():
        await part.click()


async def a_source(page: Page) -> None:
    await expect(page.locator("#sources > li")).to_have_count(2)
    for part in await page.locator("main details > summary").all():
        await part.click()


async def a_subscription(page: Page) -> None:
    await page.get_by_text("Add a subscription", exact=True).click()
    await expect(page.locator("#log > li").first).to_be_visible()


async def the_services(page: Page) -> None:
    await expect(page.locator("#services > li")).to_have_count(5)


async def myself(page: Page) -> None:
    await expect(page.locator("#sessions > li").first).to_be_visible()
    for part in await page.locator("main details > summary").all():
        await part.click()


async def the_accounts(page: Page) -> None:
    await expect(page.locator("#users > li").first).to_be_visible()
    for part in await page.locator("main details > summary").all():
        await part.click()


VIEWS = (
    View("/", a_call),
    View("/alerts", an_alert),
    View("/history", found_calls),
    View("/calls/call-1", a_whole_call),
    View("/rules", the_editor),
    View("/sources", a_source),
    View("/webhooks", a_subscription),
    View("/system", the_services),
    View("/account", myself),
    View("/users", the_accounts),
)


def test_every_page_is_looked_at() -> None:
    patterns = {page.path.replace("{session_id}", "call-1") for page in PAGES}
    assert {view.path for view in VIEWS} == patterns


async def fill(desk: Desk) -> None:
    """Something to see on every page."""
    suite = desk.site.suite
    labels = {"agent_id": "A1207", "queue": "vip"}
    times = {"started_at": "2026-01-04T09:00:00.000Z", "ended_at": "2026-01-04T09:00:15.000Z"}
    call = {"name": "Line 7", "labels": labels, "state": "ended", "alerts": 1, "source_id": "line"}
    suite.sessions = [summary("call-1", MOODS, complete=True) | call | times]
    items = [timeline_item(seq, mood) for seq, mood in enumerate(MOODS)]
    gap = {"speaker": "mixed", "first_seq": 11, "last_seq": 12, "reason": "overload", "detail": ""}
    whole: dict[str, Any] = {"items": items, "gaps": [gap], "alerts": [], "bucket_seconds": 1}
    suite.timelines = {"call-1": whole | {"next_cursor": None}}
    source: dict[str, Any] = {
        "labels": labels,
        "reason": "HTTP 404",
        "since": "2026-01-04T09:00:00Z",
    }
    source |= {"quality": "fair", "open_sessions": 0, "reconnects": 3, "replica": None}
    suite.sources = [
        source | {"id": "1", "name": "Line 7", "kind": "rtmp", "state": "live", "url": "rtmp://h"},
        source
        | {"id": "2", "name": "Radio", "kind": "pull", "state": "backoff", "url": "http://h"},
    ]
    hook = {"name": "crm", "url": "http://127.0.0.1:65535/hook"}
    made = (await desk.client.post("/v1/webhooks", json=hook)).raise_for_status().json()
    await desk.client.post(f"/v1/webhooks/{made['id']}/test")
    now = utc_now()
    session = make_session(session_id="live-1", at=now, name="Line 8", labels=labels)
    scores = [
        make_score(seq, mood, session_id="live-1", labels=labels) for seq, mood in enumerate(MOODS)
    ]
    await desk.broker.publish([Outgoing(SESSIONS, session), *(Outgoing(SCORES, s) for s in scores)])
    await desk.fire("a")
    await desk.wait_for("a")


def told(result: dict[str, Any]) -> list[str]:
    """What is gravely wrong, and where."""
    return [
        f"{found['id']}: {node['html']} {node['failureSummary']}"
        for found in result["violations"]
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.path)
async def test_axe_finds_nothing_grave(desk: Desk, view: View) -> None:
    await fill(desk)
    found = []
    for size in SIZES:
        page = await desk.site.open(view.path, viewport=size)
        await view.prepare(page)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            result = await Axe().run(page)
            found += [f"{size['width']} {scheme} {text}" for text in told(result.response)]
    assert found == []
    assert result.response["passes"]


async def test_axe_would_find_something_grave(desk: Desk) -> None:
    page = await desk.site.open("/webhooks")
    await page.evaluate("document.querySelector('#add-hook button').textContent = ''")
    await page.get_by_text("Add a subscription", exact=True).click()
    await page.evaluate("document.querySelector('h2').style.color = '#ccc'")
    result = await Axe().run(page)
    found = {line.partition(":")[0] for line in told(result.response)}
    assert {"button-name", "color-contrast"} <= found
