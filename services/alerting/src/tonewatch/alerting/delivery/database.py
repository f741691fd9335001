"""The service's database: sessions to read in, and short transactions to write in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tonewatch.alerting.delivery.tables import MIGRATIONS
from tonewatch.shared.database import failing_as_unavailable, migrate
from tonewatch.shared.errors import NotFoundError

NAME: Final = "the alerting database"

Row = TypeVar("Row")


class Database:
    """Opens transactions; a database that is away is an UnavailableError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # SQLite has one writer: queueing here is fair and quick, its own busy handler is neither
        self._writing = asyncio.Lock()

    async def prepare(self) -> None:
        """Bring the schema to its newest revision."""
        with failing_as_unavailable(NAME):
            await migrate(self.engine, MIGRATIONS)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing."""
        async with self._session() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction, committed at the end. It must begin with a statement that writes.

        (SQLite refuses to turn a transaction that has read into a writing one after somebody else
        has written.)
        """
        async with self._writing, self._session() as session:
            yield session
            await session.commit()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        with failing_as_unavailable(NAME):
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield session


async def require(session: AsyncSession, model: type[Row], key: str, what: str) -> Row:
    """The row of this key.

    Raises:
        NotFoundError: there is none; `what` says what it would be.
    """
    row = await session.get(model, key)
    if row is None:
        raise NotFoundError(f"there is no {what} {key}")
    return row
