"""The storage service: its loop, its routes, and what its readiness depends on."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from fastapi import APIRouter

from tonewatch.shared.broker import Broker
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, Service
from tonewatch.shared.streams import DEAD, Stream
from tonewatch.storage import writer
from tonewatch.storage.api import build_retention_router, build_router
from tonewatch.storage.database import Database
from tonewatch.storage.disk import EXPLAINED, DiskLevel, DiskWatch
from tonewatch.storage.embeddings import Similar
from tonewatch.storage.errors import DatabaseFullError, DatabaseUnavailableError
from tonewatch.storage.evidence import Cipher, Clips, Recorder, place_of
from tonewatch.storage.listening import Listeners
from tonewatch.storage.retention import Eraser, Sweeper
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.settings import StorageSettings
from tonewatch.storage.store import Store

OPEN_SECONDS: Final = 5.0

log = get_logger(__name__)


class StorageService(Service[StorageSettings]):
    """Writes streams to the database and answers queries from it."""

    name: ClassVar[str] = "storage"
    streams: ClassVar[tuple[Stream, ...]] = writer.STREAMS
    trims: ClassVar[tuple[Stream, ...]] = (DEAD,)

    def __init__(self, settings: StorageSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        self.database = Database(settings.database_url)
        options = settings.storage
        file = self.database.file
        self.disk = DiskWatch(
            file and file.parent,
            self.metrics,
            low_mb=options.disk_low_mb,
            critical_mb=options.disk_critical_mb,
        )
        self.writer = writer.Writer(
            broker,
            Store(self.database),
            self.metrics,
            options,
            consumer=consumer_name(options.port),
            disk=self.disk,
        )
        self.rollups = Rollups(self.database, every_seconds=options.rollup_seconds)
        evidence = options.evidence
        self.clips = Clips(
            self.database,
            place_of(evidence.bucket, settings.data_dir),
            Cipher(evidence.keys),
            retention=timedelta(days=evidence.retention_days),
        )
        self.recorder = Recorder(
            broker,
            self.clips,
            self.metrics,
            evidence,
            may_write=lambda: self.disk.level is DiskLevel.ENOUGH,
        )
        self.sweeper = Sweeper(
            self.database, options.retention, self.metrics, data_dir=settings.data_dir
        )
        self.eraser = Eraser(self.database, settings.data_dir, [self._remove_clips])
        self.similar = Similar(self.database, settings.data_dir)
        self.listeners = Listeners(broker, self.database, self.metrics, options.listening)
        self.health.add("database", self._check_database)
        self.health.add("disk", self._check_disk)

    async def open(self) -> None:
        """Make or update the schema; a database that is away now is asked again when needed."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.database.prepare()
        except (DatabaseUnavailableError, TimeoutError) as error:
            log.warning("waiting for the database", reason=str(error) or "no answer")

    def loops(self) -> Sequence[Loop]:
        """The writer, and what follows it."""
        return (
            self.writer.run,
            self._roll_up,
            self._sweep,
            self._record_evidence,
            self._sweep_evidence,
            self.listeners.run,
        )

    def routers(self) -> Sequence[APIRouter]:
        """The query API, and what people may have removed or kept."""
        return (
            build_router(
                self.database,
                self.clips,
                self.similar,
                self.listeners,
                self.settings.data_dir,
            ),
            build_retention_router(self.database, self.eraser, self.settings.storage.retention),
        )

    async def close(self) -> None:
        """Close the database."""
        self.similar.close()
        await self.database.close()

    async def _roll_up(self, stop: asyncio.Event) -> None:
        await self.rollups.run(stop)

    async def _sweep(self, stop: asyncio.Event) -> None:
        await self.sweeper.run(stop)

    async def _remove_clips(self, sessions: Sequence[str]) -> dict[str, int]:
        await self.similar.forget(sessions)
        return {"evidence clips": await self.clips.remove(sessions)}

    async def _record_evidence(self, stop: asyncio.Event) -> None:
        await self.recorder.run(stop)

    async def _sweep_evidence(self, stop: asyncio.Event) -> None:
        await self.clips.run(stop)

    async def _check_disk(self) -> str:
        level = self.disk.level
        if level is DiskLevel.CRITICAL:
            raise DatabaseFullError(EXPLAINED[level])
        return EXPLAINED[level]

    async def _check_database(self) -> str:
        if self.writer.trouble is not None:
            raise DatabaseUnavailableError(self.writer.trouble)
        await self.database.ping()
        return f"{self.database.dialect} answers"


def consumer_name(port: int) -> str:
    """The writer's name in its group: the same after a restart, so that it finds its own work.

    No two processes of one host listen on one port, unless each was given a free one.
    """
    return f"{socket.gethostname()}-{port or new_id()}"
