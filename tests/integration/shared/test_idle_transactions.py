"""PostgreSQL ends the transaction of a process that was frozen in it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.postgres import USER, postgres_server
from tonewatch.shared.database import close_engine, create_engine

LOCK = text("SELECT pg_advisory_xact_lock(7)")


async def test_who_idles_in_a_transaction_loses_its_locks_to_those_who_wait() -> None:
    with postgres_server() as folder:
        url = f"postgresql+asyncpg://{USER}@/postgres?host={folder}"
        frozen = create_engine(url, idle_transaction=timedelta(milliseconds=100))
        waiting = create_engine(url)
        try:
            async with frozen.connect() as connection:
                await connection.execute(LOCK)
                async with asyncio.timeout(10), waiting.begin() as other:
                    await other.execute(LOCK)
                with pytest.raises(DBAPIError):
                    await connection.execute(text("SELECT 1"))
            async with frozen.begin() as connection:  # and starts afresh
                await connection.execute(LOCK)
        finally:
            await close_engine(frozen)
            await close_engine(waiting)
