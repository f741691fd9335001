"""The one place that builds a SQLAlchemy engine, and brings a database to its newest schema.

SQLite (default) runs in WAL mode, so that readers never wait for the writer; PostgreSQL goes
through asyncpg. Needs the `database` extra.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 10_000


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, for the async driver."""
    return f"sqlite+aiosqlite:///{path}"


def create_engine(url: str, *, echo: bool = False) -> AsyncEngine:
    """An engine for SQLite (`sqlite+aiosqlite://`) or PostgreSQL (`postgresql+asyncpg://`)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(parsed, echo=echo, json_serializer=_readable_json)
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        return engine
    return create_async_engine(
        parsed, echo=echo, pool_pre_ping=True, json_serializer=_readable_json
    )


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


async def migrate(engine: AsyncEngine, script_location: str) -> None:
    """Bring the schema to the newest revision.

    Args:
        engine: whose database is migrated.
        script_location: of Alembic, such as `tonewatch.storage:migrations`.
    """
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade, script_location)


def _upgrade(connection: Connection, script_location: str) -> None:
    config = Config()
    config.set_main_option("script_location", script_location)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def close_engine(engine: AsyncEngine) -> None:
    """Dispose of the engine's connections and let their threads end."""
    await engine.dispose()
    await asyncio.sleep(0)
