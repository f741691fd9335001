"""The command `tonewatch` before a real console and the real services."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import running
from tests.support.services import real_services
from tests.support.signed_in import api_key, bearer
from tests.support.terminal import Done, Terminal
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client


@dataclass
class Desk:
    """A console before the real services, and a terminal whose key may do everything."""

    url: str
    service: ConsoleService
    broker: RedisBroker
    client: AsyncClient
    terminal: Terminal

    async def run(self, *words: str, **more: Any) -> Done:
        """A command of somebody who is signed in."""
        return await self.terminal.run(*words, **more)

    async def key(self, *scopes: str) -> str:
        """A key that may do only so much."""
        return await api_key(self.service.door, *scopes)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Nobody is signed in."""
    return Terminal(tmp_path / "person")


@pytest.fixture
async def desk(
    broker: RedisBroker, tmp_path: Path, ffmpeg: str, terminal: Terminal
) -> AsyncIterator[Desk]:
    async with real_services(broker, tmp_path, ffmpeg) as options:
        options |= {"heartbeat_seconds": 0.3}
        settings = ConsoleSettings.model_validate({"data_dir": tmp_path, "console": options})
        service = ConsoleService(settings, broker)
        async with running(service) as url, create_client(base_url=url) as client:
            key = await api_key(service.door)
            client.headers.update(bearer(key))
            terminal.variables |= {"TONEWATCH_URL": url, "TONEWATCH_KEY": key}
            yield Desk(url, service, broker, client, terminal)
