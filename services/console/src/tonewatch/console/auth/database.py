"""The console's database: sessions to read in, and transactions to write in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.database import (
    close_engine,
    create_engine,
    failing_as_unavailable,
    migrate,
    writing,
)

NAME: Final = "the console's database"
MIGRATIONS: Final = "tonewatch.console.auth:migrations"


class Database:
    """Opens transactions; a database that is away is an UnavailableError."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._writer = writing(self._engine)
        # SQLite has one writer: queueing here is fair and quick, its own busy handler is neither
        self._turn = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._prepared = False

    async def prepare(self) -> None:
        """Bring the schema to its newest revision, once; safe to call again after a failure."""
        async with self._preparing:
            if not self._prepared:
                with failing_as_unavailable(NAME):
                    await migrate(self._engine, MIGRATIONS)
                self._prepared = True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing."""
        await self.prepare()
        with failing_as_unavailable(NAME):
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction, committed at the end."""
        await self.prepare()
        with failing_as_unavailable(NAME):
            async with (
                self._turn,
                AsyncSession(self._writer, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    async def ping(self) -> str:
        """A word if the database answers a query."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))
        return "answers"

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self._engine)
