"""The database: opened, brought to the newest schema, and its failures put in two kinds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tonewatch.shared.database import close_engine, create_engine, migrate, writing
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import scrub
from tonewatch.storage.errors import translated

MIGRATIONS: Final = "tonewatch.storage:migrations"
_DRIVERS: Final = {"sqlite+aiosqlite": "sqlite", "postgresql+asyncpg": "postgresql"}


class Database:
    """One SQLite file or PostgreSQL database with the tables of storage."""

    def __init__(self, url: str) -> None:
        """Build the engine; nothing is connected yet.

        Raises:
            ConfigurationError: the URL cannot be used.
        """
        self.dialect = _dialect(url)
        try:
            self._engine = create_engine(url)
        except OSError as error:
            raise _unusable(url, f"cannot be created: {error}") from error
        self._writer = writing(self._engine)
        self._migrating = asyncio.Lock()
        self._migrated = False

    async def prepare(self) -> None:
        """Bring the schema to its newest revision, once; safe to call again after a failure.

        Raises:
            DatabaseUnavailableError: it could not be done now.
        """
        async with self._migrating:
            if not self._migrated:
                with _translation():
                    await migrate(self._engine, MIGRATIONS)
                self._migrated = True

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one consistent state (on SQLite; on PostgreSQL one per statement)."""
        await self.prepare()
        with _translation():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed on leaving.

        Raises:
            DatabaseUnavailableError: locked, full or away; nothing was written.
            RowRefusedError: a row cannot be stored; nothing was written.
        """
        await self.prepare()
        with _translation():
            async with self._writer.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Return if the database answers a query."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self._engine)


@contextmanager
def _translation() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError, OverflowError, ValueError) as error:
        raise translated(error) from error


def _unusable(url: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"storage.database_url {scrub(url)} {scrub(why)}")


def _dialect(url: str) -> str:
    try:
        name = make_url(url).drivername
    except ArgumentError as error:
        raise _unusable(url, "is no database URL") from error
    if name not in _DRIVERS:
        raise _unusable(url, f"must begin with {' or '.join(_DRIVERS)}")
    return _DRIVERS[name]
