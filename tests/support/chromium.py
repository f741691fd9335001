"""The browser of the tests: the system's Chromium, kept from asking anything of the network."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright, expect

from tests.support.require import missing

ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a microphone that beeps, for pages that may use one
]


# five seconds are short where several tests share a core
expect.set_options(timeout=15_000)


def chromium_path() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def shell_path() -> str | None:
    """Where Chromium without windows is, which takes a third less of a processor, else Chromium."""
    return shutil.which("chromium-headless-shell") or chromium_path()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A browser that many tests share, each in contexts of its own; yields where `joined` finds it.

    The test is skipped, or fails, where Chromium is not installed.
    """
    path = _required(shell_path(), "chromium-headless-shell")
    options = {"executablePath": path, "args": ARGUMENTS, "host": "127.0.0.1", "port": 0}
    (folder / "chromium.json").write_text(json.dumps(options))
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser=chromium"]
    with subprocess.Popen(
        [*command, f"--config={folder / 'chromium.json'}"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # python starts a program of its own: both are told to end
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            os.killpg(server.pid, signal.SIGTERM)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A whole browser of its own; the test is skipped, or fails, where it is not installed."""
    path = _required(chromium_path(), "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


def _required(path: str | None, package: str) -> str:
    if path is None:
        missing(f"chromium is not installed (apt-get install {package})")
    return path


@asynccontextmanager
async def joined(address: str) -> AsyncIterator[Browser]:
    """The shared browser; what was opened in it is closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect(address)
        yield browser
        await browser.close()
