"""Which failure of a database is the row's fault, and which is not."""

import sqlite3

import pytest
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StatementError,
    TimeoutError,  # noqa: A004 - SQLAlchemy's own
)

from tonewatch.storage.errors import DatabaseUnavailableError, RowRefusedError, translated


class _PostgresError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("a message")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("Python int too large to convert to SQLite INTEGER"),
        ValueError("a moment needs its time zone"),
        IntegrityError("INSERT", {}, sqlite3.IntegrityError("NOT NULL")),
        DataError("INSERT", {}, sqlite3.DataError("string or blob too big")),
        sqlite3.IntegrityError("NOT NULL"),
        sqlite3.DataError("string or blob too big"),
        DBAPIError("INSERT", {}, _PostgresError("22021")),
        DBAPIError("INSERT", {}, _PostgresError("23502")),
        StatementError("cannot bind", "INSERT", {}, TypeError("bytes expected")),
    ],
)
def test_a_row_is_to_blame_for_what_it_holds(error: Exception) -> None:
    assert isinstance(translated(error), RowRefusedError)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("no server"),
        OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked")),
        OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
        sqlite3.OperationalError("database is locked"),
        ProgrammingError("INSERT", {}, _PostgresError("42P01")),  # the table is missing
        DBAPIError("INSERT", {}, _PostgresError("57P03")),  # the server is starting
        DBAPIError("INSERT", {}, _PostgresError("40P01")),  # deadlock
        TimeoutError("no connection is free"),
    ],
)
def test_a_row_is_not_to_blame_for_the_state_of_the_database(error: Exception) -> None:
    found = translated(error)
    assert isinstance(found, DatabaseUnavailableError)
    assert found.retryable
