"""A console before stand-ins for the other services, with a real Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_suite import FakeSuite, fake_suite
from tests.support.running import running
from tests.support.signed_in import SignedIn, sign_in
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import Broker, RedisBroker
from tonewatch.shared.http import AsyncClient, create_client


@dataclass
class Console:
    """A running console, an admin who is signed in, and what stands around it."""

    service: ConsoleService
    suite: FakeSuite
    client: AsyncClient
    """Sends what the admin's browser sends."""
    admin: SignedIn
    stranger: AsyncClient
    """Is not signed in."""

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.stranger.base_url).rstrip("/")

    @asynccontextmanager
    async def as_(
        self, role: str, labels: dict[str, str] | None = None
    ) -> AsyncIterator[AsyncClient]:
        """A client of somebody else."""
        somebody = await sign_in(self.service.door, role, labels)
        async with create_client(base_url=self.url) as client:
            somebody.enter(client)
            yield client


@asynccontextmanager
async def opened_console(
    suite: FakeSuite, broker: Broker, folder: Path, **options: Any
) -> AsyncIterator[Console]:
    """A console at work on a free port."""
    section = {**suite.console_options(), **options}
    settings = ConsoleSettings.model_validate({"console": section, "data_dir": folder})
    service = ConsoleService(settings, broker)
    async with (
        running(service) as base_url,
        create_client(base_url=base_url) as client,
        create_client(base_url=base_url) as stranger,
    ):
        admin = await sign_in(service.door)
        admin.enter(client)
        yield Console(service, suite, client, admin, stranger)


@pytest.fixture
async def suite() -> AsyncIterator[FakeSuite]:
    async with fake_suite() as made:
        yield made


@pytest.fixture
async def console(suite: FakeSuite, broker: RedisBroker, tmp_path: Path) -> AsyncIterator[Console]:
    async with opened_console(suite, broker, tmp_path, heartbeat_seconds=0.3) as made:
        yield made
