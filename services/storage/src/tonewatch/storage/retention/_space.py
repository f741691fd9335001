"""How large the database is, and pages that nobody needs given back to the file system."""

import asyncio
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.database import Database

PAGES: Final = 500
"""Given back at once; some ten milliseconds, for which the writer waits."""
SPARE_PAGES: Final = 5000
"""Kept for the next rows: giving back what is needed again in a minute is work for nothing."""
_TABLES: Final = (
    "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0) FROM pg_class AS c "
    "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind = 'r'"
)


async def used_bytes(database: Database) -> int:
    """Bytes that rows and indexes take, without pages that are free for new ones."""
    async with database.read() as session:
        connection = await session.connection()
        if database.dialect == "postgresql":
            return int((await connection.exec_driver_sql(_TABLES)).scalar_one())
        pages = await _pragma(connection, "page_count") - await _pragma(
            connection, "freelist_count"
        )
        return pages * await _pragma(connection, "page_size")


async def give_back(database: Database, stop: asyncio.Event) -> None:
    """Shrink an SQLite file to what it needs and a reserve, a few pages at a time.

    Needs `auto_vacuum=INCREMENTAL`, which new files have; others get it from `compact`.
    """
    if database.dialect != "sqlite":
        return
    while not stop.is_set():
        async with database.read() as session:
            connection = await session.connection()
            mode = await _pragma(connection, "auto_vacuum")
            free = await _pragma(connection, "freelist_count")
        if mode != 2 or free <= SPARE_PAGES:  # noqa: PLR2004 - incremental
            return
        await database.run_script(f"PRAGMA incremental_vacuum({min(PAGES, free - SPARE_PAGES)})")


async def _pragma(connection: AsyncConnection, name: str) -> int:
    return int((await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one())
