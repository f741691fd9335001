"""A page in a real Chromium, before a console with a real Redis and stand-ins for the services."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.chromium import ARGUMENTS, chromium_path
from tests.support.fake_suite import FakeSuite, fake_suite
from tests.support.require import missing
from tests.support.running import running
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import RedisBroker


@dataclass
class Site:
    """A console in a browser, and what the browser complained about."""

    url: str
    suite: FakeSuite
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str = "/", **options: Any) -> Page:
        """A page in a context of its own, ready for use."""
        context = await self.browser.new_context(**options)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        await page.goto(self.url + path)
        await page.locator("#system li").first.wait_for()
        return page

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = chromium_path()
    if path is None:
        missing("chromium is not installed (apt-get install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture
async def suite() -> AsyncIterator[FakeSuite]:
    async with fake_suite() as made:
        yield made


@pytest.fixture
async def site(suite: FakeSuite, broker: RedisBroker, browser: Browser) -> AsyncIterator[Site]:
    settings = ConsoleSettings.model_validate({"console": suite.console_options()})
    async with running(ConsoleService(settings, broker)) as url:
        made = Site(url, suite, browser)
        yield made
        for context in browser.contexts:
            await context.close()
