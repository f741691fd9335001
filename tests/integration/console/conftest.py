"""A console before stand-ins for the other services, with a real Redis."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.fake_suite import FakeSuite, fake_suite
from tests.support.running import running
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client


@dataclass
class Console:
    """A running console and what stands around it."""

    service: ConsoleService
    suite: FakeSuite
    client: AsyncClient


@pytest.fixture
async def suite() -> AsyncIterator[FakeSuite]:
    async with fake_suite() as made:
        yield made


@pytest.fixture
async def console(suite: FakeSuite, broker: RedisBroker) -> AsyncIterator[Console]:
    options = {**suite.console_options(), "upstream_seconds": 0.7, "heartbeat_seconds": 0.3}
    settings = ConsoleSettings.model_validate({"console": options})
    service = ConsoleService(settings, broker)
    async with running(service) as base_url, create_client(base_url=base_url) as client:
        yield Console(service, suite, client)
