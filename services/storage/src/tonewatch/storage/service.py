"""The storage service: its loop, its routes, and what its readiness depends on."""

import asyncio
import socket
from collections.abc import Sequence
from typing import ClassVar, Final

from fastapi import APIRouter

from tonewatch.shared.broker import Broker
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, Service
from tonewatch.shared.streams import DEAD, Stream
from tonewatch.storage import writer
from tonewatch.storage.api import build_router
from tonewatch.storage.database import Database
from tonewatch.storage.errors import DatabaseUnavailableError
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
        self.writer = writer.Writer(
            broker,
            Store(self.database),
            self.metrics,
            settings.storage,
            consumer=consumer_name(settings.storage.port),
        )
        self.health.add("database", self._check_database)

    async def open(self) -> None:
        """Make or update the schema; a database that is away now is asked again when needed."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.database.prepare()
        except (DatabaseUnavailableError, TimeoutError) as error:
            log.warning("waiting for the database", reason=str(error) or "no answer")

    def loops(self) -> Sequence[Loop]:
        """The writer."""
        return (self.writer.run,)

    def routers(self) -> Sequence[APIRouter]:
        """The query API."""
        return (build_router(self.database),)

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()

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
