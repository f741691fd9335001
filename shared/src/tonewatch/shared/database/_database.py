"""A service's own tables: sessions to read in, transactions to write in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tonewatch.shared.database._engines import close_engine, writing
from tonewatch.shared.database._migrations import migrate
from tonewatch.shared.database._transactions import failing_as_unavailable, turn_of


class Database:
    """Opens transactions over the newest schema; a database that is away is an UnavailableError."""

    def __init__(self, engine: AsyncEngine, *, name: str, migrations: str) -> None:
        """Nothing is connected yet.

        Args:
            engine: whose connections are used; closed by `close`.
            name: what the database is called where its failure is told.
            migrations: script location of Alembic, such as `tonewatch.alerting:migrations`.
        """
        self.engine = engine
        self._name = name
        self._migrations = migrations
        self._writer = writing(engine)
        self._preparing = asyncio.Lock()
        self._prepared = False

    async def prepare(self) -> None:
        """Bring the schema to its newest revision, once; safe to call again after a failure."""
        async with self._preparing:
            if not self._prepared:
                with failing_as_unavailable(self._name):
                    await migrate(self.engine, self._migrations)
                self._prepared = True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing."""
        await self.prepare()
        with failing_as_unavailable(self._name):
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction, committed at the end; those of one process take turns.

        SQLite has one writer: queueing here is fair and quick, its own busy handler is neither.
        Rows that were read stay readable, though an error ends the transaction.
        """
        await self.prepare()
        with failing_as_unavailable(self._name):
            async with (
                turn_of(self.engine),
                AsyncSession(self._writer, expire_on_commit=False) as session,
            ):
                yield session
                await session.commit()  # else it is undone by closing

    async def ping(self) -> str:
        """A word if the database answers a query."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))
        return "answers"

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self.engine)
