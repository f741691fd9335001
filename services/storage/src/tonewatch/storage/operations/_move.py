"""All that an SQLite file holds, moved to PostgreSQL: everything in one transaction, or nothing."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tonewatch.shared.errors import ConflictError, InvalidInputError, TonewatchError
from tonewatch.storage.database import Database, driver_of
from tonewatch.storage.models import Base, EmotionRecord, RollupPosition
from tonewatch.storage.partitions import Partitions

ROWS_AT_ONCE: Final = 5000

Moved = dict[str, int]
"""Rows by table."""


async def move(source: Database, target: Database) -> Moved:
    """Copy all tables; the source stays as it is.

    What the service writes to the source after this began is not moved: stop it first.

    Raises:
        InvalidInputError: it is not from SQLite to PostgreSQL.
        ConflictError: the target holds rows already.
        DatabaseUnavailableError, RowRefusedError: nothing was moved; says why.
    """
    if (source.dialect, target.dialect) != ("sqlite", "postgresql"):
        raise InvalidInputError(
            f"a move is from SQLite to PostgreSQL, not from {source.dialect} to {target.dialect}"
        )
    await source.prepare()
    await target.prepare()
    moved: Moved = {}
    async with source.read() as session:
        await Partitions(target).make_sure(await _days(session))
        async with target.write() as connection:
            for table in Base.metadata.sorted_tables:
                if table.name == RollupPosition.__tablename__:
                    await connection.execute(table.delete())
                await _require_empty(connection, table)
                moved[table.name] = await _copy(session, connection, table)
                await _verify(connection, table, moved[table.name])
            await _continue_sequences(connection)
    return moved


async def _days(session: AsyncSession) -> list[datetime]:
    days = await session.scalars(select(func.date(EmotionRecord.timestamp)).distinct())
    return [datetime.fromisoformat(str(day)).replace(tzinfo=UTC) for day in days]


async def _require_empty(connection: AsyncConnection, table: Table) -> None:
    if (await connection.execute(select(table).limit(1))).first() is not None:
        raise ConflictError(f"the target holds rows already (in {table.name}): use a new database")


async def _copy(session: AsyncSession, connection: AsyncConnection, table: Table) -> int:
    driver = await driver_of(connection)
    columns = [column.name for column in table.columns]
    count = 0
    async for rows in _batches(session, table):
        await driver.copy_records_to_table(table.name, records=rows, columns=columns)
        count += len(rows)
    return count


async def _batches(session: AsyncSession, table: Table) -> AsyncIterator[list[Sequence[Any]]]:
    """The table's rows as PostgreSQL's driver takes them."""
    as_json = [isinstance(column.type, JSON) for column in table.columns]
    found = await session.stream(
        select(table).order_by(*table.primary_key), execution_options={"yield_per": ROWS_AT_ONCE}
    )
    async for rows in found.partitions():
        yield [
            tuple(
                json.dumps(value, ensure_ascii=False) if is_json and value is not None else value
                for value, is_json in zip(row, as_json, strict=True)
            )
            for row in rows
        ]


async def _verify(connection: AsyncConnection, table: Table, expected: int) -> None:
    found = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
    if found != expected:
        raise TonewatchError(
            f"{table.name} has {found} rows after the move, not {expected}: nothing was moved"
        )


async def _continue_sequences(connection: AsyncConnection) -> None:
    """The next row gets an id that no moved row has."""
    for table in Base.metadata.sorted_tables:
        key = table.autoincrement_column
        if key is None:
            continue
        sequence = text("SELECT pg_get_serial_sequence(:table, :key)")
        name = (
            await connection.execute(sequence, {"table": table.name, "key": key.name})
        ).scalar_one()
        if name is not None:
            highest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
            await connection.execute(select(func.setval(name, highest, False)))
