"""A page in a real Chromium, before a console with a real Redis and stand-ins for the services."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.desk import Desk, opened_desk
from tests.browser.door import Door, opened_door
from tests.browser.site import Site, opened_site
from tests.support.chromium import joined, served
from tests.support.fake_suite import FakeSuite, fake_suite
from tonewatch.shared.broker import RedisBroker


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for each worker process: to start takes longer than most tests."""
    with served(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with joined(chromium) as made:
        yield made


@pytest.fixture
async def suite() -> AsyncIterator[FakeSuite]:
    async with fake_suite() as made:
        yield made


@pytest.fixture
async def site(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, tmp_path: Path
) -> AsyncIterator[Site]:
    async with opened_site(suite, broker, browser, tmp_path) as made:
        yield made
        for context in browser.contexts:
            await context.close()


@pytest.fixture
async def desk(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, tmp_path: Path
) -> AsyncIterator[Desk]:
    async with opened_desk(suite, broker, browser, tmp_path) as made:
        yield made
    assert made.site.errors() == []


@pytest.fixture
async def door(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, ffmpeg: str, tmp_path: Path
) -> AsyncIterator[Door]:
    async with opened_door(suite, broker, browser, ffmpeg, tmp_path) as made:
        yield made
    assert made.site.errors() == []
