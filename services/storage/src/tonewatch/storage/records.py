"""Records into the database: what the driver does fastest, and each of them once.

Duplicates are rare (a process died between commit and acknowledgement), so the quick way assumes
that there are none, and finds out whether it was right. Which ids were new is what the caller needs
to know: only they get a matrix.
"""

import functools
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any, Final, Protocol

from asyncpg.exceptions import UniqueViolationError
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.database import driver_of
from tonewatch.storage.elsewhere import Key, key_of, stored_elsewhere
from tonewatch.storage.rows import RECORD_COLUMNS, STEPS_COLUMNS
from tonewatch.storage.trips import all_at_once, at_once

Rows = Sequence[tuple[Any, ...]]


class RecordTable(Protocol):
    """`emotion_records` and `emotion_steps` of one kind of database."""

    async def reserve(self, connection: AsyncConnection, count: int) -> Sequence[int]:
        """Ids for so many new records, each greater than any that a finished transaction used."""

    async def insert(self, connection: AsyncConnection, rows: Rows) -> Collection[int]:
        """Insert the rows that are not there yet; answers their ids (a set or a range)."""

    async def insert_steps(self, connection: AsyncConnection, rows: Rows) -> None:
        """Insert matrices of records that are new."""


class SqliteRecords:
    """Statements of many rows each, all in one trip to the driver's thread.

    The driver lets go of the interpreter for each step of a statement, and may wait five
    milliseconds to get it back from a busy event loop. `executemany` of single rows takes a step
    for each, and comes nearly to a standstill beside the decoding of the next batch; a statement of
    many rows takes one step for all of them.
    """

    _NEXT_ID: Final = (
        "SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM emotion_records), 0), "
        "COALESCE((SELECT record_id FROM rollup_positions WHERE name = 'records'), 0))"
    )
    _AT_ONCE: Final = (512, 64, 8, 1)
    """Rows of a statement: few kinds, so that each is prepared once."""

    async def reserve(self, connection: AsyncConnection, count: int) -> Sequence[int]:
        """The ids that follow the greatest; the write lock keeps others from taking them."""
        ((first,),) = await at_once(connection, self._NEXT_ID)
        return range(first, first + count)

    async def insert(self, connection: AsyncConnection, rows: Rows) -> Collection[int]:
        """Asks which were new only if some were not."""
        new = await self._insert(connection, "emotion_records", RECORD_COLUMNS, rows)
        if new == len(rows):
            return range(rows[0][0], rows[0][0] + len(rows))
        found = await connection.exec_driver_sql(
            "SELECT id FROM emotion_records WHERE id >= ?", (rows[0][0],)
        )
        return set(found.scalars())

    async def insert_steps(self, connection: AsyncConnection, rows: Rows) -> None:
        """None of them is there yet."""
        await self._insert(connection, "emotion_steps", STEPS_COLUMNS, rows)

    async def _insert(
        self, connection: AsyncConnection, table: str, columns: tuple[str, ...], rows: Rows
    ) -> int:
        """Insert what is not there yet; says how many rows that were."""
        runs, at = [], 0
        for size in self._AT_ONCE:
            last = len(rows) - size + 1
            parts = [list(chain.from_iterable(rows[n : n + size])) for n in range(at, last, size)]
            if parts:
                runs.append((_insertion(table, columns, size), parts))
                at += len(parts) * size
        return await all_at_once(connection, runs)


class PostgresRecords:
    """COPY, and where it meets a duplicate, a COPY beside the table and what is missing from it."""

    _STAGE: Final = (
        "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_records (LIKE emotion_records) "
        "ON COMMIT DELETE ROWS"
    )
    _MISSING: Final = (
        f"INSERT INTO emotion_records ({', '.join(RECORD_COLUMNS)}) "  # noqa: S608 - our columns
        f"SELECT {', '.join(RECORD_COLUMNS)} FROM incoming_records "
        "ORDER BY id ON CONFLICT DO NOTHING RETURNING id"
    )

    async def reserve(self, connection: AsyncConnection, count: int) -> Sequence[int]:
        """The next ids of the sequence."""
        found = await connection.exec_driver_sql(
            "SELECT nextval('emotion_records_id_seq') FROM generate_series(1, $1)", (count,)
        )
        return list(found.scalars())

    async def insert(self, connection: AsyncConnection, rows: Rows) -> Collection[int]:
        """COPY straight into the table, behind a savepoint."""
        known = await stored_elsewhere(connection, rows)
        new = _first_of_each(rows, known)
        try:
            async with connection.begin_nested():
                await self._copy(connection, "emotion_records", RECORD_COLUMNS, new)
        except UniqueViolationError:
            await connection.exec_driver_sql(self._STAGE)
            await self._copy(connection, "incoming_records", RECORD_COLUMNS, new)
            found = await connection.exec_driver_sql(self._MISSING)
            return set(found.scalars())
        return {row[0] for row in new}

    async def insert_steps(self, connection: AsyncConnection, rows: Rows) -> None:
        """COPY."""
        await self._copy(connection, "emotion_steps", STEPS_COLUMNS, rows)

    @staticmethod
    async def _copy(
        connection: AsyncConnection, table: str, columns: Sequence[str], rows: Rows
    ) -> None:
        driver = await driver_of(connection)
        await driver.copy_records_to_table(table, records=rows, columns=columns)


@functools.cache
def _insertion(table: str, columns: tuple[str, ...], count: int) -> str:
    """The statement that inserts so many rows, those that are there already left out."""
    row = f"({', '.join('?' * len(columns))})"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 - our names
        f"VALUES {', '.join([row] * count)} ON CONFLICT DO NOTHING"
    )


def _first_of_each(rows: Rows, known: set[Key]) -> Rows:
    """The rows without those whose second is known, or comes a second time among them."""
    first = {key_of(row): row for row in reversed(rows)}
    if len(first) == len(rows) and known.isdisjoint(first):
        return rows
    return [row for key, row in first.items() if key not in known][::-1]


def record_table(dialect: str) -> RecordTable:
    """The tables as this kind of database fills them best."""
    return SqliteRecords() if dialect == "sqlite" else PostgresRecords()
