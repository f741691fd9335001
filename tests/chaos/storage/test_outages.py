"""A database that goes away, or has no room: seconds wait in Redis, and all are there then."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, select

from tests.chaos.storage.load import CALLS, FOR_EVER, Load, require_all, stored
from tests.support import postgres
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.storage import disk
from tonewatch.storage.models import Session
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageOptions, StorageSettings

AWAY_SECONDS = 20
"""Four times the longest pause between two tries."""


def _service(broker: RedisBroker, folder: Path, url: str | None = None) -> StorageService:
    options = StorageOptions.model_validate(
        {"port": 0, "batch_rows": 50, "claim_idle_seconds": 0.2, "database_url": url}
        | {"retention": FOR_EVER}
    )
    return StorageService(
        StorageSettings(data_dir=folder, partitions=broker.partitions, storage=options), broker
    )


async def _is_ready(base: str) -> bool:
    async with create_client(base_url=base) as client:
        return (await client.get("/ready")).status_code == 200


async def test_postgresql_stopped_under_load_and_started_again(
    broker: RedisBroker, postgres_folder: Path, postgres_url: str, tmp_path: Path
) -> None:
    load, stop = Load(broker), asyncio.Event()
    await load.begin()
    publishing = asyncio.create_task(load.until(stop))
    service = _service(broker, tmp_path, postgres_url)
    async with running(service) as base:
        await wait_until(lambda: _reached(service, 500), 30)
        await asyncio.to_thread(postgres.stop, postgres_folder)
        before = load.scores
        await wait_until(lambda: service.writer.trouble, 30)
        assert not await _is_ready(base)
        await asyncio.sleep(AWAY_SECONDS)  # the outage itself
        assert load.scores > before
        await asyncio.to_thread(postgres.start, postgres_folder)
        await wait_until(lambda: _is_ready(base), 30)
        stop.set()
        await publishing
        await load.end()
        await require_all(load, service.database)


async def test_a_full_disk_stops_seconds_only_and_ends_without_loss(
    broker: RedisBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "ASK_AGAIN_SECONDS", 1.0)
    load = Load(broker)
    await load.begin()
    service = _service(broker, tmp_path)
    allow = _limit_pages(service)
    async with running(service) as base:
        await wait_until(lambda: _reached(service, 0))
        pages = await _pages(service)
        allow(pages + 40)
        for _ in range(60):
            await load.second()
        await wait_until(lambda: not _is_roomy(service), 30)
        assert not await _is_ready(base)
        assert await stored(service.database) < load.scores
        await load.end()
        await wait_until(lambda: _ended(service), 30)  # sessions are written all the while
        allow(2**30)
        await require_all(load, service.database)
        await wait_until(lambda: _is_ready(base), 30)


def _limit_pages(service: StorageService) -> Callable[[int], None]:
    """A file that may not grow beyond a number of pages, as on a full disk."""
    most = [2**30]

    def limit(connection: object, *_: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most[0]}")  # type: ignore[attr-defined]

    event.listen(service.database._engine.sync_engine, "begin", limit)
    return lambda pages: most.__setitem__(0, pages)


def _is_roomy(service: StorageService) -> bool:
    return service.disk.level == 0


async def _pages(service: StorageService) -> int:
    async with service.database.read() as session:
        connection = await session.connection()
        return int((await connection.exec_driver_sql("PRAGMA page_count")).scalar_one())


async def _ended(service: StorageService) -> bool:
    async with service.database.read() as session:
        states = list(await session.scalars(select(Session.state)))
    return states == ["ended"] * CALLS


async def _reached(service: StorageService, count: int) -> bool:
    return await stored(service.database) >= count
