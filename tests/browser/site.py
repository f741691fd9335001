"""A console in a browser, and what the browser complained about."""

from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page

from tests.support.fake_suite import FakeSuite

PAINTED = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""
"""How many pixels of a canvas are drawn on."""


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
