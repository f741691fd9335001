"""Listening in on the page of a call: offered where it is allowed, heard, and ended."""

import pytest
from playwright.async_api import expect

from tests.browser.site import Site
from tests.browser.test_history import call, timeline
from tests.support.wait import wait_until


@pytest.fixture
def live(site: Site) -> Site:
    """A call of two speakers goes on, of whom both may be heard."""
    site.suite.sessions = [call(state="started", ended_at=None)]
    site.suite.timelines["call-1"] = timeline()
    site.suite.heard = ["customer", "agent"]
    return site


async def test_a_supervisor_listens_and_stops(live: Site) -> None:
    page = await live.open("/calls/call-1", who=await live.person("wang", "supervisor"))
    part = page.locator("#listen-part")
    await expect(part).to_contain_text("written into the audit log")
    await part.get_by_role("button", name="Listen to: customer").click()
    await expect(page.locator("#listening")).to_contain_text("You are listening to: customer")
    await wait_until(lambda: live.suite.listeners == 1)
    await part.get_by_role("button", name="Listen to: agent").click()
    await expect(page.locator("#listening")).to_contain_text("You are listening to: agent")
    assert await page.locator("audio").count() == 1
    await wait_until(lambda: live.suite.requests[-1][1] == "call-1/audio?speaker=agent")
    await part.get_by_role("button", name="Stop listening").click()
    await expect(page.locator("#listening")).to_be_empty()
    await wait_until(lambda: live.suite.listeners == 0)
    await expect(page.locator("#listen-problem")).to_be_hidden()
    assert live.complaints == []


async def test_what_ends_and_what_fails_is_seen(live: Site) -> None:
    page = await live.open("/calls/call-1?lang=zh")
    await page.get_by_role("button", name="旁听客户").click()
    await expect(page.locator("#listening")).to_contain_text("正在旁听客户")
    live.suite.heard = ["agent"]  # a label was changed meanwhile
    again = page.get_by_role("button", name="旁听坐席", exact=True)
    await expect(again).to_be_visible()
    await expect(page.get_by_role("button", name="停止旁听")).to_be_visible()
    live.suite.is_silent = True
    await again.click()
    problem = page.locator("#listen-problem")
    await expect(problem).to_contain_text("没有音频")
    await expect(page.locator("#listening")).to_be_empty()
    live.suite.heard = []
    await expect(again).to_be_hidden()
    await expect(problem).to_be_visible()
    live.suite.is_silent = False
    live.suite.heard = ["customer"]
    await page.get_by_role("button", name="旁听客户").click()
    await wait_until(lambda: live.suite.listeners == 1)
    live.suite.sessions[0] |= {"state": "ended"}
    await expect(page.locator("#call-state")).to_have_text("已结束")
    await expect(page.locator("#listen-part")).to_be_hidden()
    await wait_until(lambda: live.suite.listeners == 0)


async def test_whoever_may_not_listen_is_offered_nothing(live: Site) -> None:
    page = await live.open("/calls/call-1", who=await live.person("chen", "inspector"))
    await expect(page.locator("#tracks .track-name").first).to_be_visible()
    assert await page.locator("#listen-part").count() == 0
    live.suite.sessions[0] |= {"state": "ended"}
    page = await live.open("/calls/call-1")
    await expect(page.locator("#tracks .track-name").first).to_be_visible()
    await expect(page.locator("#listen-part")).to_be_hidden()
