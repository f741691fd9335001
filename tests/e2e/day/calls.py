"""Calls: live, listened in to, tried, recorded, and found again."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.day.supervisor import PATIENCE_MS, Supervisor


async def see_it_live(day: Supervisor) -> None:
    """A card, and the alert of the live call that pops up by itself."""
    await expect(day.page.locator("#cards > *").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(day.page.locator(".toast").first).to_be_visible(timeout=PATIENCE_MS)


async def listen_in(day: Supervisor) -> None:
    """The live call's page: its ribbon, and its voice."""
    page = day.page
    await page.locator("#cards > * a").first.click()
    await expect(page.locator("#tracks canvas").first).to_be_visible(timeout=PATIENCE_MS)
    await page.locator("#listen button").first.click()
    await expect(page.locator("#listening audio")).to_be_attached()
    await day.hears("#listening audio")
    await page.locator("#listening button").click()
    await expect(page.locator("#listening")).to_be_empty()
    await expect(page.locator("#listen-problem")).to_be_hidden()


async def try_a_recording(day: Supervisor, recording: Path) -> None:
    """A file, whose alert is stored as that of a live call would be."""
    await day.go("/")
    await day.page.set_input_files("#file", str(recording))
    await expect(day.page.locator("#main-confidence")).not_to_be_empty(timeout=PATIENCE_MS)
    await expect(day.page.locator("#try-alerts > li").first).to_be_visible(timeout=PATIENCE_MS)


async def record_oneself(day: Supervisor) -> None:
    """From the microphone, in stretches of speech."""
    page = day.page
    await day.go("/")
    await page.locator("#try-options [value=utterance]").check()
    await day.button(page.locator("main"), "record.start").click()
    await expect(page.locator("#record-time")).to_have_text("0:02")
    await day.button(page.locator("main"), "record.stop").click()
    await expect(page.locator("#tracks .waveform canvas")).to_be_visible(timeout=PATIENCE_MS)
    # the beeps of Chromium's own microphone are no speech, and are called so
    await expect(page.locator("#main-emotion")).to_have_text(day.words["try.no_speech"])


async def find_it_again(day: Supervisor) -> None:
    """Among the calls of the past, and in what they were on the whole."""
    await day.go("/history")
    await day.page.locator("#results a").first.click()
    await expect(day.page.locator("#tracks canvas").first).to_be_visible(timeout=PATIENCE_MS)
    await day.go("/history")
    distribution = day.page.locator("#distribution > *").first
    await expect(distribution).to_be_visible(timeout=PATIENCE_MS)
