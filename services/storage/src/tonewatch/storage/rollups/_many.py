"""Thousands of small rows at once, as the driver takes them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert_many(
    connection: AsyncConnection,
    table: str,
    columns: Sequence[str],
    on_conflict: str,
    rows: list[tuple[Any, ...]],
) -> None:
    """Insert rows in the order of the columns; `on_conflict` is the rest of the statement."""
    if not rows:
        return
    numbers = range(1, len(columns) + 1)
    marks = ["?" if connection.dialect.name == "sqlite" else f"${number}" for number in numbers]
    await connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(marks)}) {on_conflict}",  # noqa: S608 - our own names
        rows,
    )
