"""Alembic: how a service's tables are brought to their newest schema."""

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.shared.database._transactions import transaction

# Alembic's `context` and `op` belong to the whole process: of two migrations at once, those of two
# services in one process or of two databases, one would run with the other's connection
_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


async def migrate(engine: AsyncEngine, script_location: str, revision: str = "head") -> None:
    """Bring the schema up to a revision, the newest if none is named, all of it or nothing.

    Args:
        engine: whose database is migrated.
        script_location: of Alembic, such as `tonewatch.storage:migrations`.
        revision: an older one, for the tests of what comes after it.
    """
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with turn, transaction(engine) as connection:
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
