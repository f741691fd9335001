"""What a database can answer besides success: not now, or not this row.

The difference decides over a message: a database that is locked, full or away is asked again until
it takes the batch; a row that it refuses for what the row holds is a dead letter.
"""

import sqlite3
from typing import Any, Final

from asyncpg.exceptions import PostgresError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from tonewatch.shared.errors import TonewatchError, UnavailableError

_ROW_SQLSTATES: Final = ("22", "23")
"""Classes of SQLSTATE that speak of the row: data exception, integrity constraint violation."""
_ROW_SQLITE: Final = (sqlite3.DataError, sqlite3.IntegrityError)
"""What the driver itself says of a row, where a statement goes past SQLAlchemy."""
_DISK_FULL: Final = "53100"


class DatabaseUnavailableError(UnavailableError):
    """The database cannot serve us now."""


class DatabaseFullError(DatabaseUnavailableError):
    """There is no room for the write; a smaller one may still succeed."""


class RowRefusedError(TonewatchError):
    """The database refuses a row for what it holds."""


def translated(error: Exception) -> TonewatchError:
    """The error as one of the kinds above."""
    text = " ".join(str(getattr(error, "orig", None) or error).split())[:500]
    if refuses_row(error):
        return RowRefusedError(f"the database refuses the row: {type(error).__name__}: {text}")
    if _is_full(error):
        return DatabaseFullError(f"the database has no room: {text}")
    return DatabaseUnavailableError(f"the database does not serve: {type(error).__name__}: {text}")


def _is_full(error: Exception) -> bool:
    cause = getattr(error, "orig", None) or error
    return (
        getattr(cause, "sqlstate", None) == _DISK_FULL
        or getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL"
        or "disk is full" in str(cause)
    )


def refuses_row(error: Exception) -> bool:
    """Whether the same row would be refused again, while other rows would not.

    A missing table or right is not the row's fault: dead-lettering for it would empty the streams.
    """
    if isinstance(error, (DBAPIError, PostgresError)):
        sqlstate: Any = getattr(getattr(error, "orig", error), "sqlstate", None)
        return isinstance(error, (DataError, IntegrityError)) or str(sqlstate).startswith(
            _ROW_SQLSTATES
        )
    # A value that cannot be converted: SQLAlchemy wraps it, sqlite3 lets OverflowError through.
    return isinstance(error, (StatementError, OverflowError, ValueError, *_ROW_SQLITE))
