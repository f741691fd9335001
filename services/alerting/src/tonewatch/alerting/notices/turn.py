"""Turns: whoever decides about notices, or changes what decides about them, does so alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.notices.tables import TurnRow
from tonewatch.shared.database import Database


@asynccontextmanager
async def taking_turn(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction that begins by locking the one row of turns, and waits for whoever has it.

    Raises:
        UnavailableError: the database is away.
    """
    async with database.writing() as session:
        await session.execute(
            update(TurnRow).where(TurnRow.id == 1).values(taken=TurnRow.taken + 1)
        )
        yield session
