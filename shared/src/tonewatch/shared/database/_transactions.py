"""Transactions that write, and what is said of a database that fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import Pool

from tonewatch.shared.database._engines import writing
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import scrub

_TURNS: Final[WeakKeyDictionary[Pool, asyncio.Lock]] = WeakKeyDictionary()


@contextmanager
def failing_as_unavailable(name: str) -> Iterator[None]:
    """Whatever a database's driver raises becomes an UnavailableError that names the database."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        # without the statement, whose parameters may be secrets
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise UnavailableError(f"{name} failed: {scrub(str(reason))}") from error


def turn_of(engine: AsyncEngine) -> asyncio.Lock:
    """The lock by which the writers of one process take turns on a database."""
    return _TURNS.setdefault(engine.sync_engine.pool, asyncio.Lock())


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that writes, committed at the end.

    On SQLite those of one process take turns: it has one writer, and its own way of waiting is to
    look again after a while, whereby some of a hundred that come together never get their turn and
    fail with "database is locked", each of them holding a connection that readers need.
    """
    if engine.dialect.name != "sqlite":
        async with engine.begin() as connection:
            yield connection
        return
    async with turn_of(engine), writing(engine).begin() as connection:
        yield connection
