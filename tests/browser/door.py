"""A console before a real ingest, as the form and the page of sources need it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.browser.site import Site, opened_site
from tests.support.fake_suite import FakeSuite
from tests.support.running import running
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client


@dataclass
class Door:
    """A console before a real ingest, and that ingest."""

    site: Site
    ingest: IngestService
    url: str

    def errors(self) -> list[str]:
        """What went wrong in the pages, apart from answers that the browser notes as refused."""
        return [text for text in self.site.complaints if "Failed to load resource" not in text]

    async def source(self, name: str) -> dict[str, Any]:
        """A source as ingest has it."""
        async with create_client(base_url=self.url) as client:
            items = (await client.get("/v1/sources")).json()["items"]
        found: dict[str, Any] = next(item for item in items if item["name"] == name)
        return found

    async def add(self, **wish: Any) -> dict[str, Any]:
        """A new source, with its key."""
        async with create_client(base_url=self.url) as client:
            answer = await client.post("/v1/sources", json=wish)
        made: dict[str, Any] = answer.raise_for_status().json()
        return made


@asynccontextmanager
async def opened_door(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, ffmpeg: str, folder: Path
) -> AsyncIterator[Door]:
    """Everything started, on free ports of loopback."""
    options = IngestOptions(port=0, audiosocket_port=0, ffmpeg=ffmpeg)
    ingest = IngestService(IngestSettings(data_dir=folder, ingest=options), broker)
    async with running(ingest) as url:
        suite.urls["ingest"] = url
        async with opened_site(suite, broker, browser, folder) as site:
            yield Door(site, ingest, url)
            for context in browser.contexts:
                await context.close()
