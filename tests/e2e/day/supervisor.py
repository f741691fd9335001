"""Who walks: a page in a language, and what it takes to find the buttons in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page

PATIENCE_MS: Final = 45_000
"""The call must turn loud, and a suite shares the cores with other tests."""


@dataclass(frozen=True)
class Supervisor:
    """Signed in, with a page open."""

    page: Page
    origin: str
    words: Mapping[str, str]
    """The catalogue of the language."""
    folder: Path
    """For what is kept and sent."""

    async def go(self, path: str) -> None:
        """Open a page of the console."""
        await self.page.goto(self.origin + path)

    def button(self, place: Locator | Page, key: str) -> Locator:
        """A button of a place, by the key of its text."""
        return place.get_by_role("button", name=self.words[key], exact=True)

    async def hears(self, player: str) -> None:
        """Wait until an audio element plays."""
        playing = f"() => document.querySelector('{player}')?.currentTime > 0.5"
        await self.page.wait_for_function(playing, timeout=PATIENCE_MS)

    async def open_part(self, place: Locator, key: str) -> None:
        """Unfold a part of the page, by the key of its heading."""
        await place.get_by_text(self.words[key], exact=True).first.click()
