"""Services that cannot work without their PostgreSQL wait for it, and start when it comes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import postgres
from tests.support.running import running
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import create_client
from tonewatch.shared.runtime import Service, _serve

Make = Callable[[dict[str, Any], MemoryBroker], Service[Any]]


def alerting(settings: dict[str, Any], broker: MemoryBroker) -> Service[Any]:
    return AlertingService(AlertingSettings.model_validate(settings), broker)


def ingest(settings: dict[str, Any], broker: MemoryBroker) -> Service[Any]:
    return IngestService(IngestSettings.model_validate(settings), broker)


@pytest.mark.parametrize("make", [alerting, ingest])
async def test_the_database_may_come_later(
    make: Make, memory_broker: MemoryBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_serve, "OPEN_AGAIN_SECONDS", 0.1)
    waited = asyncio.Event()
    with postgres.stopped_server() as folder:
        section = {
            "database_url": f"postgresql+asyncpg://{postgres.USER}@/postgres?host={folder}",
            "port": 0,
        }
        service = make({make.__name__: section, "data_dir": tmp_path}, memory_broker)
        open_ = service.open

        async def watched() -> None:
            try:
                await open_()
            except UnavailableError:
                waited.set()
                raise

        monkeypatch.setattr(service, "open", watched)
        started = running(service)
        starting = asyncio.create_task(started.__aenter__())
        await asyncio.wait_for(waited.wait(), 10)
        assert not starting.done()
        postgres.start(folder)
        async with asyncio.timeout(30):
            base_url = await starting
        try:
            async with create_client(base_url=base_url) as client:
                assert (await client.get("/ready")).is_success
        finally:
            await started.__aexit__(None, None, None)
