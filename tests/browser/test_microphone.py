"""Recording in the page, in a whole Chromium: its headless shell has no microphone."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.site import Site
from tests.support.chromium import launched


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as made:
        yield made


async def test_the_microphone_is_recorded_and_analysed(site: Site) -> None:
    page = await site.open(permissions=["microphone"])
    await page.get_by_role("button", name="Record", exact=True).click()
    stop = page.get_by_role("button", name="Stop and analyse")
    await expect(page.locator("#record-time")).to_have_text("0:01")
    await stop.click()
    await expect(page.locator("#try-status")).to_contain_text("Done: 34 s of Recording")
    await expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    (sent,) = site.suite.uploads
    assert sent["name"].endswith(".webm")
    assert sent["bytes"] > 1000
    await expect(page.locator("#tracks .waveform canvas")).to_be_visible()
    assert site.complaints == []


async def test_a_microphone_that_may_not_be_used_is_explained(site: Site) -> None:
    page = await site.open("/?lang=zh", permissions=[])
    await page.get_by_role("button", name="录音", exact=True).click()
    await expect(page.locator("#try-status")).to_contain_text("浏览器未获准使用麦克风")
    await expect(page.get_by_role("button", name="录音", exact=True)).to_be_enabled()
