"""Statements on SQLite in one trip to the thread of its driver.

SQLAlchemy goes there four times for a question: for a cursor, to run it, for its rows, to close it.
Each time the way back leads through the event loop, which decodes the next batch meanwhile; of a
transaction of many statements most would be waiting.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.database import driver_of


async def at_once(
    connection: AsyncConnection, statement: str, values: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Run a statement and fetch its rows; only where the connection is one of SQLite."""
    driver = await driver_of(connection)
    rows: list[tuple[Any, ...]] = await driver.execute_fetchall(statement, values)
    return rows


async def all_at_once(
    connection: AsyncConnection, runs: Sequence[tuple[str, Sequence[Sequence[Any]]]]
) -> int:
    """Run statements in their order, each with all of its values; says how many rows changed.

    All are handed over together, so that the thread waits for nobody between them.
    """
    driver = await driver_of(connection)
    before: int = driver.total_changes
    cursors = await asyncio.gather(*(driver.executemany(*run) for run in runs))
    after: int = driver.total_changes
    await asyncio.gather(*(cursor.close() for cursor in cursors))
    return after - before
