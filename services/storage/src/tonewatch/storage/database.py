"""The database: opened, brought to the newest schema, and its failures put in two kinds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
    nullcontext,
)
from pathlib import Path
from typing import Any, Final

from alembic.util import CommandError
from asyncpg.exceptions import PostgresError
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tonewatch.shared.database import (
    BUSY_TIMEOUT_MS,
    close_engine,
    create_engine,
    migrate,
    writing,
)
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import scrub
from tonewatch.storage.errors import translated

MIGRATIONS: Final = "tonewatch.storage:migrations"
_FAILURES: Final = (
    *(SQLAlchemyError, PostgresError, sqlite3.Error),
    *(OSError, OverflowError, ValueError),
)
CACHE_KB: Final = 32_000
MMAP_BYTES: Final = 1 << 30
_DRIVERS: Final = {"sqlite+aiosqlite": "sqlite", "postgresql+asyncpg": "postgresql"}


class Database:
    """One SQLite file or PostgreSQL database with the tables of storage."""

    def __init__(self, url: str) -> None:
        """Build the engine; nothing is connected yet.

        Raises:
            ConfigurationError: the URL cannot be used.
        """
        self.dialect = _dialect(url)
        self.file = _file(url)
        try:
            self._engine = create_engine(url)
        except OSError as error:
            raise _unusable(url, f"cannot be created: {error}") from error
        if self.dialect == "sqlite":
            # before the journal mode, which writes the first page and settles this for good
            event.listen(self._engine.sync_engine, "connect", _shrinkable, insert=True)
        self._writer = writing(self._engine)
        # SQLite's own queue for its write lock is a sleep of growing length: ours is a queue
        self._turn: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )
        self._migrating = asyncio.Lock()
        self._migrated = False

    async def prepare(self) -> None:
        """Bring the schema to its newest revision, once; safe to call again after a failure.

        Raises:
            ConfigurationError: a newer release made the schema.
            DatabaseUnavailableError: it could not be done now.
        """
        async with self._migrating:
            if not self._migrated:
                with _translation():
                    try:
                        await migrate(self._engine, MIGRATIONS)
                    except CommandError as error:
                        raise _newer(error) from error
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
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def run_script(self, script: str) -> None:
        """Run statements on the SQLite file outside any transaction, while nothing else writes.

        Each is stepped to its end, which the driver's `execute` does not do for all pragmas.

        Raises:
            DatabaseUnavailableError: the file is locked by another process, or away.
        """
        with _translation():
            async with self._turn:
                await asyncio.to_thread(_run_script, self.file, script)

    @asynccontextmanager
    async def unprepared(self) -> AsyncIterator[AsyncConnection]:
        """A connection to a database with whatever schema there is."""
        with _translation():
            async with self._engine.connect() as connection:
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
    except _FAILURES as error:
        raise translated(error) from error


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection: for COPY, and where SQLAlchemy's way is too long."""
    return (await connection.get_raw_connection()).driver_connection


def _newer(error: CommandError) -> ConfigurationError:
    return ConfigurationError(
        f"the database has a schema that this release does not know ({error}); a newer release "
        "made it: upgrade this one, or restore a backup of before"
    )


def _shrinkable(connection: Any, _record: Any) -> None:
    """Pages that retention has emptied can be given back bit by bit (new files only)."""
    cursor = connection.cursor()
    for pragma in ("auto_vacuum=INCREMENTAL", f"cache_size=-{CACHE_KB}", f"mmap_size={MMAP_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _run_script(file: Path | None, script: str) -> None:
    with closing(sqlite3.connect(str(file), timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
        connection.executescript(script)


def _unusable(url: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"storage.database_url {scrub(url)} {scrub(why)}")


def _file(url: str) -> Path | None:
    """The SQLite file; None for PostgreSQL, and for a database in memory."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, ":memory:"}
    return Path(str(parsed.database)) if is_file else None


def _dialect(url: str) -> str:
    try:
        name = make_url(url).drivername
    except ArgumentError as error:
        raise _unusable(url, "is no database URL") from error
    if name not in _DRIVERS:
        raise _unusable(url, f"must begin with {' or '.join(_DRIVERS)}")
    return _DRIVERS[name]
