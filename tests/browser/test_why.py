"""Why an alert fired, and its audio."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.desk import EVIL, Desk, opened_desk
from tests.browser.test_history import call, timeline
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.fake_suite import FakeSuite
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import Speaker


async def keep(desk: Desk, folder: Path, **changes: Any) -> None:
    """An alert of a stored call: alerting has it, storage its seconds and its clip."""
    suite = desk.site.suite
    suite.sessions = [call("call-a", kind="pull", lane="live")]
    suite.timelines["call-a"] = timeline()
    write_wav(folder / "clip.wav", speech_like_pcm(2))
    suite.clip = (folder / "clip.wav").read_bytes()
    kept = {"alert_id": "a", "state": "resolved", "first_seq": 22, "last_seq": 30}
    suite.alerts = [{**kept, "clip": {"state": "kept", "detail": ""}, **changes}]
    await desk.fire("a", speaker=Speaker.CUSTOMER, threshold=0.75)
    await desk.wait_for("a")


async def test_the_curve_of_the_stretch_is_drawn_with_the_threshold(
    desk: Desk, tmp_path: Path
) -> None:
    await keep(desk, tmp_path)
    page = await desk.open("/alerts?open=a")
    chart = page.locator("#detail .chart svg")
    await expect(chart).to_have_attribute(
        "aria-label",
        "The rule compared up to 90 % (at 0:25) with its threshold of 75 %.",
    )
    await expect(chart.locator(".limit")).to_have_count(1)
    await expect(chart.locator(".fired")).to_have_count(1)
    assert await chart.locator(".band.firing").count() > 2
    box = await chart.bounding_box()
    assert box is not None
    limit, curve = chart.locator(".limit"), chart.locator(".curve")
    top = float(await limit.get_attribute("y1") or 0)
    path = await curve.get_attribute("d") or ""
    heights = [
        float(step.split("H")[0].split(" ")[1]) for step in path[1:].replace("M", "L").split("L")
    ]
    assert min(heights) < top < max(heights)  # smaller is higher: the curve crosses the threshold
    await chart.hover(position={"x": box["width"] / 2, "y": 40})
    await expect(page.locator("#tip")).to_contain_text("fires")
    await page.locator("#detail").get_by_text("Second by second").click()
    row = page.locator(".why-table tr", has_text="0:25")
    await expect(row).to_contain_text("90 %")
    await expect(row).to_contain_text("fires")


async def test_the_clip_plays_and_acting_does_not_ask_the_rule_again(
    desk: Desk, tmp_path: Path
) -> None:
    await keep(desk, tmp_path)
    page = await desk.open("/alerts?open=a")
    await expect(page.locator("#detail .chart svg")).to_have_count(1)
    traces: list[str] = []
    page.on("request", lambda asked: traces.append(asked.url) if "/trace" in asked.url else None)
    player = page.locator("#detail audio")
    await player.evaluate("player => player.play()")

    async def plays() -> bool:
        return bool(await player.evaluate("player => player.currentTime > 0"))

    await wait_until(plays)
    await page.locator("#detail").get_by_role("button", name="Acknowledge").click()
    await expect(page.locator("#detail .timeline")).to_contain_text("acknowledged · li")
    await expect(page.locator("#detail .chart svg")).to_have_count(1)
    assert traces == []


async def test_what_is_not_kept_or_not_known_any_more_is_said(desk: Desk, tmp_path: Path) -> None:
    missed = {"state": "missed", "detail": f"its frames were trimmed {EVIL}"}
    await keep(desk, tmp_path, clip=missed)
    await desk.fire("b", rule="gone")
    await desk.wait_for("b")
    kept = desk.site.suite.alerts[0]
    desk.site.suite.alerts.append({**kept, "alert_id": "b", "clip": None})
    page = await desk.open("/alerts?open=a")
    detail = page.locator("#detail")
    await expect(detail).to_contain_text(f"There is no audio of this alert. {missed['detail']}")
    await expect(detail.locator("audio")).to_have_count(0)
    assert await page.locator("main img, main script").count() == 0
    await page.goto(f"{desk.site.url}/alerts?open=b")
    await expect(detail.locator(".why")).to_contain_text("cannot tell any more what it compared")
    await expect(detail.get_by_role("button", name="Acknowledge")).to_be_visible()


async def test_storage_that_is_down_is_said_and_leaves_the_alert_usable(
    suite: FakeSuite,
    broker: RedisBroker,
    browser: Browser,
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    suite.urls["storage"] = f"http://127.0.0.1:{free_port()}"
    async with opened_desk(suite, broker, browser, tmp_path) as desk:
        await desk.fire("a")
        await desk.wait_for("a")
        page = await desk.open("/alerts?open=a")
        detail = page.locator("#detail")
        await expect(detail.locator(".problem")).to_contain_text(["storage does not answer"])
        await detail.get_by_role("button", name="Acknowledge").click()
        await expect(detail.locator(".timeline")).to_contain_text("acknowledged · li")


async def test_the_curve_is_explained_in_chinese(desk: Desk, tmp_path: Path) -> None:
    await keep(desk, tmp_path)
    page = await desk.open("/alerts?open=a&lang=zh", viewport={"width": 390, "height": 800})
    await expect(page.locator(".why-key")).to_contain_text("阈值 75 %")
    await page.locator("#detail").get_by_text("逐秒列表").click()
    await expect(page.locator(".why-table tr", has_text="0:25")).to_contain_text("触发中")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
