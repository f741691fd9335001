"""A console in a browser, who is signed in there, and what the browser complained about."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from tests.support.fake_suite import FakeSuite
from tests.support.running import running
from tests.support.signed_in import SignedIn, sign_in
from tonewatch.console.auth import Door
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import Broker

PAINTED = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""
"""How many pixels of a canvas are drawn on."""


@dataclass
class Site:
    """A console in a browser, who is signed in there, and what the browser complained about."""

    url: str
    suite: FakeSuite
    browser: Browser
    door: Door
    complaints: list[str] = field(default_factory=list)
    people: dict[str, SignedIn] = field(default_factory=dict)

    async def person(
        self, name: str = "li", role: str = "admin", labels: Mapping[str, str] | None = None
    ) -> SignedIn:
        """Somebody who is signed in; the account is made when it is first asked for."""
        if name not in self.people:
            self.people[name] = await sign_in(self.door, role, labels, name=name)
        return self.people[name]

    async def open(self, path: str = "/", *, who: SignedIn | None = None, **options: Any) -> Page:
        """A page in a context of its own, ready for use by somebody, else by an admin."""
        somebody = who or await self.person()
        page = await self.visit(path, storage_state=somebody.storage_state(self.url), **options)
        await page.locator("#system li").first.wait_for()
        return page

    async def visit(self, path: str = "/", **options: Any) -> Page:
        """A page in a context of its own, of somebody who is not signed in."""
        context = await self.browser.new_context(**options)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        await page.goto(self.url + path)
        return page

    def errors(self) -> list[str]:
        """What went wrong in the pages, apart from answers that the browser notes as refused."""
        return [text for text in self.complaints if "Failed to load resource" not in text]

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@asynccontextmanager
async def opened_site(
    suite: FakeSuite, broker: Broker, browser: Browser, folder: Path, **options: Any
) -> AsyncIterator[Site]:
    """A console at work; its pages stay open when it ends."""
    section = {**suite.console_options(), **options}
    settings = ConsoleSettings.model_validate({"console": section, "data_dir": folder})
    service = ConsoleService(settings, broker)
    async with running(service) as url:
        yield Site(url, suite, browser, service.door)
