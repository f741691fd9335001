"""What a supervisor does on the first day, in a real Chromium, before the whole real suite.

The call comes in over RTMP (or is pulled where nginx-rtmp is not installed); the fake engine takes
loudness for anger.
"""

import json
import re
import zipfile
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
    environment = {
        "TONEWATCH_DEMO_AUDIO": str(quarrel),
        "TONEWATCH_STORAGE__LISTENING": json.dumps({"sources": "all"}),
    }
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


async def listen_in(page: Page) -> None:
    """The live call's page: its ribbon, and its voice."""
    await page.locator("#cards > * a").first.click()
    await expect(page.locator("#tracks canvas").first).to_be_visible(timeout=PATIENCE_MS)
    await page.locator("#listen button").first.click()
    await expect(page.locator("#listening audio")).to_be_attached()
    heard = "() => document.querySelector('#listening audio')?.currentTime > 0.5"
    await page.wait_for_function(heard, timeout=PATIENCE_MS)
    await page.locator("#listening button").click()
    await expect(page.locator("#listening")).to_be_empty()
    await expect(page.locator("#listen-problem")).to_be_hidden()


async def act_on_the_alert(page: Page, words: dict[str, str]) -> None:
    await page.locator("nav.pages").get_by_role("link", name=words["alerts"], exact=True).click()
    await page.locator("button.row").first.click()
    detail = page.locator("#detail")
    await detail.get_by_role("button", name=words["acknowledge"], exact=True).click()
    await expect(detail.locator(".timeline")).to_contain_text("li")
    await expect(detail.locator(".why svg, .why canvas").first).to_be_visible(timeout=PATIENCE_MS)


async def try_a_recording(page: Page, origin: str, recording: Path) -> None:
    await page.goto(f"{origin}/")
    await page.set_input_files("#file", str(recording))
    await expect(page.locator("#main-confidence")).not_to_be_empty(timeout=PATIENCE_MS)


async def write_a_rule(page: Page, origin: str) -> None:
    """By the form, whose YAML is judged and saved."""
    await page.goto(f"{origin}/rules")
    await page.locator("#rule-new").click()
    form = page.locator("#rule-form")
    await form.locator("[name=name]").fill("shouting")
    await form.locator("[name=emotion][value=angry]").check()
    await form.locator("[name=threshold]").fill("0.8")
    await page.locator("#editor-save").click()
    await expect(page.locator("#editor")).to_be_hidden()
    await expect(page.locator("#rules > li", has_text="shouting")).to_be_visible()


async def add_a_source(page: Page, origin: str) -> None:
    """An encoder's, whose key is shown once."""
    await page.goto(f"{origin}/sources")
    await page.locator("details.add > summary").click()
    form = page.locator("#add-source")
    await form.locator("[name=name]").fill("desk 4")
    await form.locator("[name=kind]").select_option("rtmp")
    await form.get_by_role("button").click()
    await expect(page.locator("#add-answer dd code").first).to_contain_text("rtmp://")
    await expect(page.locator("#sources > li", has_text="desk 4")).to_be_visible()


async def add_a_webhook(page: Page, origin: str) -> None:
    """Whose secret is shown once."""
    await page.goto(f"{origin}/webhooks")
    await page.locator("#add-part > summary").click()
    form = page.locator("#add-hook")
    await form.locator("[name=name]").fill("floor")
    await form.locator("[name=url]").fill("https://floor.example/hook")
    await form.get_by_role("button").click()
    await expect(page.locator("#secret")).to_contain_text("whsec_")
    await expect(page.locator("#hooks > li", has_text="floor")).to_be_visible()


async def take_the_bundle(page: Page, origin: str, folder: Path) -> None:
    await page.goto(f"{origin}/system")
    async with page.expect_download() as download:
        await page.locator("#bundle").click()
    await (await download.value).save_as(folder / "bundle.zip")
    assert zipfile.ZipFile(folder / "bundle.zip").namelist()


async def look_around(page: Page, origin: str) -> None:
    """Every other page shows what the suite has, and none complains."""
    await page.goto(f"{origin}/history")
    await page.locator("#results a").first.click()
    await expect(page.locator("#tracks canvas").first).to_be_visible(timeout=PATIENCE_MS)
    await page.goto(f"{origin}/history")
    await expect(page.locator("#distribution > *").first).to_be_visible(timeout=PATIENCE_MS)
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
    await listen_in(page)
    await act_on_the_alert(page, WORDS[language])
    recording = write_wav(tmp_path / "call.wav", speech_like_pcm(4, amplitude=0.95))
    await try_a_recording(page, origin, recording)
    await write_a_rule(page, origin)
    await add_a_source(page, origin)
    await add_a_webhook(page, origin)
    await take_the_bundle(page, origin, tmp_path)
    await look_around(page, origin)
    assert complaints == []
    await context.close()
