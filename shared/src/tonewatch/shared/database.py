"""The one place that builds a SQLAlchemy engine, and brings a database to its newest schema.

SQLite (default) runs in WAL mode, so that readers never wait for the writer; PostgreSQL goes
through asyncpg. Needs the `database` extra.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from alembic import command, context
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import Pool

from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import scrub

BUSY_TIMEOUT_MS: Final = 10_000
_BEGIN: Final = "tonewatch_begin"
_TURNS: Final[WeakKeyDictionary[Pool, asyncio.Lock]] = WeakKeyDictionary()


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, for the async driver."""
    return f"sqlite+aiosqlite:///{path}"


def url_or_file(url: SecretStr | None, file: Path) -> str:
    """The database that an operator named, else an SQLite file."""
    return sqlite_url(file) if url is None else url.get_secret_value()


def create_engine(
    url: str, *, echo: bool = False, idle_transaction: timedelta | None = None
) -> AsyncEngine:
    """An engine for SQLite (`sqlite+aiosqlite://`) or PostgreSQL (`postgresql+asyncpg://`).

    `idle_transaction` is for services whose replicas share rows: PostgreSQL ends a transaction that
    is left alone for longer, so that a process frozen in one does not hold its locks for ever.
    (SQLite knows nothing like it: a frozen process that writes blocks all others.)
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(parsed, echo=echo, json_serializer=_readable_json)
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    engine = create_async_engine(
        parsed, echo=echo, pool_pre_ping=True, json_serializer=_readable_json
    )
    if idle_transaction is not None:
        event.listen(engine.sync_engine, "connect", _idle_at_most(idle_transaction))
    return engine


def _readable_json(value: Any) -> str:
    """JSON columns keep Chinese labels as they are, for people who read tables by hand."""
    return json.dumps(value, ensure_ascii=False)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # NORMAL with WAL survives a killed process; a power cut may lose the newest commits, whose
    # stream entries were then acknowledged. FULL costs one fsync per batch, which batching affords.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # Transactions are begun by us: the driver would commit each DDL statement by itself, so that a
    # process killed during its first start left half a schema, which no later start could complete.
    connection.isolation_level = None


def _idle_at_most(limit: timedelta) -> Callable[[Any, Any], None]:
    milliseconds = round(limit / timedelta(milliseconds=1))

    def configure(connection: Any, _record: Any) -> None:
        # a statement, not a parameter of the connection: a pooler in between would refuse that
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
        cursor.close()
        connection.commit()

    return configure


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


@contextmanager
def failing_as_unavailable(name: str) -> Iterator[None]:
    """Whatever a database's driver raises becomes an UnavailableError that names the database."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        # without the statement, whose parameters may be secrets
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise UnavailableError(f"{name} failed: {scrub(str(reason))}") from error


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, whose SQLite transactions queue for the write lock at their beginning.

    A transaction that reads before it writes could otherwise meet a changed file and fail.
    """
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that writes, committed at the end.

    On SQLite those of one process take turns: it has one writer, and its own way of waiting is to
    look again after a while, whereby some of a hundred that come together never get their turn and
    fail with "database is locked", each of them holding a connection that readers need.
    """
    if engine.dialect.name != "sqlite":
        async with engine.begin() as connection:
            yield connection
        return
    turn = _TURNS.setdefault(engine.sync_engine.pool, asyncio.Lock())
    async with turn, writing(engine).begin() as connection:
        yield connection


async def migrate(engine: AsyncEngine, script_location: str, revision: str = "head") -> None:
    """Bring the schema up to a revision, the newest if none is named, all of it or nothing.

    Args:
        engine: whose database is migrated.
        script_location: of Alembic, such as `tonewatch.storage:migrations`.
        revision: an older one, for the tests of what comes after it.
    """
    async with transaction(engine) as connection:
        await connection.run_sync(_upgrade, script_location, revision)


def _upgrade(connection: Connection, script_location: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", script_location)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def run_migrations(metadata: MetaData, version_table: str) -> None:
    """The whole of a service's `migrations/env.py`: runs on the connection of `migrate`.

    The version table has a name of its own, since services may share one PostgreSQL database.
    """
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise TypeError("migrations run through tonewatch.shared.database.migrate")
    if connection.dialect.name == "postgresql":
        # Replicas that start together take turns; SQLite's write lock has seen to that already.
        lock = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
        connection.execute(lock, {"name": version_table})
    context.configure(connection=connection, target_metadata=metadata, version_table=version_table)
    with context.begin_transaction():
        context.run_migrations()


async def close_engine(engine: AsyncEngine) -> None:
    """Dispose of the engine's connections and let their threads end."""
    await engine.dispose()
    await asyncio.sleep(0)
