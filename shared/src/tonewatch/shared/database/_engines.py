"""The one place that builds a SQLAlchemy engine."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS: Final = 10_000
_BEGIN: Final = "tonewatch_begin"


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


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, whose SQLite transactions queue for the write lock at their beginning.

    A transaction that reads before it writes could otherwise meet a changed file and fail.
    """
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


async def close_engine(engine: AsyncEngine) -> None:
    """Dispose of the engine's connections and let their threads end."""
    await engine.dispose()
    await asyncio.sleep(0)
