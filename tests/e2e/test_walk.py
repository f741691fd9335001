"""What a supervisor does on the first day, in a real Chromium, before the whole real suite.

The call comes in over RTMP (or is pulled where nginx-rtmp is not installed); the fake engine takes
loudness for anger.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.audio import speech_like_pcm, write_wav
from tests.support.chromium import launched
from tests.support.suite import RunningSuite, free_offset, suite

PASSWORD: Final = "three words together"
PATIENCE_MS: Final = 45_000
"""The call must turn loud, and a suite shares the cores with other tests."""
LINK: Final = re.compile(r"http://\S+/welcome#\S+")
WORDS: Final = {
    "en": {"acknowledge": "Acknowledge", "alerts": "Alerts"},
    "zh": {"acknowledge": "确认", "alerts": "告警"},
}


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with launched() as made:
        yield made


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[RunningSuite]:
    quiet, loud = speech_like_pcm(4, amplitude=0.03), speech_like_pcm(6, amplitude=0.95)
    quarrel = write_wav(tmp_path / "quarrel.wav", quiet + loud + quiet)
    options = ("--data", str(tmp_path / "data"), "--engine", "fake", "--demo")
    environment = {"TONEWATCH_DEMO_AUDIO": str(quarrel)}
    async with suite(*options, "--port-offset", str(free_offset()), env=environment) as running:
        await running.prints("the demo call is playing", timeout_seconds=90)
        yield running


async def sign_up(page: Page, link: str, language: str) -> None:
    """The first admin follows the link that run.sh printed."""
    await page.goto(link.replace("/welcome#", f"/welcome?lang={language}#"))
    await page.locator("[name=name]").fill("li")
    for field in ("password", "again"):
        await page.locator(f"[name={field}]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("header .person")).to_contain_text("li")


async def see_it_live(page: Page) -> None:
    """A card, and the alert of the live call that pops up by itself."""
    await expect(page.locator("#cards > *").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator(".toast").first).to_be_visible(timeout=PATIENCE_MS)


async def act_on_the_alert(page: Page, words: dict[str, str]) -> None:
    await page.locator("nav.pages").get_by_role("link", name=words["alerts"], exact=True).click()
    await page.locator("button.row").first.click()
    detail = page.locator("#detail")
    await detail.get_by_role("button", name=words["acknowledge"], exact=True).click()
    await expect(detail.locator(".timeline")).to_contain_text("li")


async def try_a_recording(page: Page, origin: str, recording: Path) -> None:
    await page.goto(f"{origin}/")
    await page.set_input_files("#file", str(recording))
    await expect(page.locator("#main-confidence")).not_to_be_empty(timeout=PATIENCE_MS)


async def look_around(page: Page, origin: str) -> None:
    """Every other page shows what the suite has, and none complains."""
    await page.goto(f"{origin}/history")
    await page.locator("#results a").first.click()
    await expect(page.locator("#tracks canvas").first).to_be_visible(timeout=PATIENCE_MS)
    for path, place, least in (
        ("/rules", "main .rows > li", 1),
        ("/sources", "#sources > li", 1),
        ("/webhooks", "#log > li", 1),
        ("/system", "#services > li", 5),
        ("/users", "#users > li", 1),
        ("/account", "#sessions > li", 1),
    ):
        await page.goto(origin + path)
        await expect(page.locator(place).nth(least - 1)).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", WORDS)
async def test_a_first_day(
    demo: RunningSuite, chromium: Browser, tmp_path: Path, language: str
) -> None:
    found = LINK.search(demo.output)
    assert found is not None, demo.output
    origin = found[0].partition("/welcome")[0]
    context = await chromium.new_context()
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await sign_up(page, found[0], language)
    await see_it_live(page)
    await act_on_the_alert(page, WORDS[language])
    recording = write_wav(tmp_path / "call.wav", speech_like_pcm(4, amplitude=0.95))
    await try_a_recording(page, origin, recording)
    await look_around(page, origin)
    assert complaints == []
    await context.close()
