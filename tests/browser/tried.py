"""Recordings to try on the page, and files that it hands over."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Download, Page

from tests.support.audio import speech_like_pcm, write_wav


async def upload(page: Page, path: Path, seconds: int = 2) -> None:
    """Choose a recording that is made here."""
    write_wav(path, speech_like_pcm(seconds))
    await page.set_input_files("#file", str(path))


async def text_of(download: Download) -> str:
    """What a file that was handed over says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "download")
        await download.save_as(path)
        return await asyncio.to_thread(path.read_text, "utf-8")
