"""What a supervisor does on the first day, in a real Chromium, before the whole real suite.

The call comes in over RTMP (or is pulled where nginx-rtmp is not installed); the fake engine takes
loudness for anger.
"""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.day import Supervisor, alerts, calls, people, rules, setting_up
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.chromium import launched
from tests.support.suite import RunningSuite, free_offset, suite
from tonewatch.console.i18n import LANGUAGES, Language, texts

LINK: Final = re.compile(r"(?P<origin>http://\S+)/welcome#(?P<token>\S+)")


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
        "TONEWATCH_STORAGE__EVIDENCE": json.dumps({"sources": "all", "after_seconds": 1}),
    }
    async with suite(*options, "--port-offset", str(free_offset()), env=environment) as running:
        await running.prints("the demo call is playing", timeout_seconds=90)
        yield running


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_first_day(
    demo: RunningSuite, chromium: Browser, tmp_path: Path, language: Language
) -> None:
    found = LINK.search(demo.output)
    assert found is not None, demo.output
    context = await chromium.new_context(permissions=["microphone"])
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    day = Supervisor(page, found["origin"], texts(language), tmp_path)
    link = f"{found['origin']}/welcome?lang={language}#{found['token']}"
    await people.sign_up(page, link, "li", day.words)

    await calls.see_it_live(day)
    await calls.listen_in(day)
    await alerts.handle_an_alert(day)
    recording = write_wav(tmp_path / "call.wav", speech_like_pcm(4, amplitude=0.95))
    await calls.try_a_recording(day, recording)
    await calls.record_oneself(day)
    await calls.find_it_again(day)
    await rules.write_a_rule(day)
    await rules.change_it(day)
    await rules.try_it_out(day)
    await setting_up.add_a_source(day)
    await setting_up.send_it_again(day)
    await setting_up.add_a_webhook(day)
    await setting_up.take_the_bundle(day)
    await alerts.hear_it(day)
    await alerts.judge_it(day)
    other = await chromium.new_context(locale="zh-CN" if language == "zh" else "en")
    await people.ask_an_inspector_in(day, await other.new_page())
    await day.go("/account")
    await expect(page.locator("#sessions > li").first).to_be_visible()
    assert complaints == []
