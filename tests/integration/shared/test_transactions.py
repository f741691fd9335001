"""Writers of one process on SQLite: many at once, and readers beside them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.shared.database import close_engine, create_engine, sqlite_url, transaction

WRITERS = 40
"""More than the engine's pool has connections."""


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = create_engine(sqlite_url(tmp_path / "notes.db"))
    async with transaction(made) as connection:
        await connection.execute(text("CREATE TABLE notes (number INTEGER PRIMARY KEY)"))
    yield made
    await close_engine(made)


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT COUNT(*) FROM notes"))).scalar_one())


async def test_waiting_writers_leave_connections_to_readers(engine: AsyncEngine) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def write(number: int) -> None:
        async with transaction(engine) as connection:
            entered.set()
            await go.wait()
            await connection.execute(text("INSERT INTO notes VALUES (:n)"), {"n": number})

    writers = [asyncio.create_task(write(number)) for number in range(WRITERS)]
    await entered.wait()
    async with asyncio.timeout(10):  # the pool's own limit is 30 s
        assert await count(engine) == 0
    go.set()
    await asyncio.gather(*writers)
    assert await count(engine) == WRITERS


async def test_a_failed_transaction_leaves_nothing_and_gives_its_turn_up(
    engine: AsyncEngine,
) -> None:
    async def fail_midway() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO notes VALUES (1)"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fail_midway()
    async with transaction(engine) as connection:
        await connection.execute(text("INSERT INTO notes VALUES (2)"))
    assert await count(engine) == 1
