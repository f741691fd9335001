"""What a database can answer besides success: not now, or not this row.

The difference decides over a message: a database that is locked, full or away is asked again until
it takes the batch; a row that it refuses for what the row holds is a dead letter.
"""

from typing import Any, Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from tonewatch.shared.errors import TonewatchError, UnavailableError

_ROW_SQLSTATES: Final = ("22", "23")
"""Classes of SQLSTATE that speak of the row: data exception, integrity constraint violation."""


class DatabaseUnavailableError(UnavailableError):
    """The database cannot serve us now."""


class RowRefusedError(TonewatchError):
    """The database refuses a row for what it holds."""


def translated(error: Exception) -> TonewatchError:
    """The error as one of the two kinds above."""
    text = " ".join(str(getattr(error, "orig", None) or error).split())[:500]
    if refuses_row(error):
        return RowRefusedError(f"the database refuses the row: {type(error).__name__}: {text}")
    return DatabaseUnavailableError(f"the database does not serve: {type(error).__name__}: {text}")


def refuses_row(error: Exception) -> bool:
    """Whether the same row would be refused again, while other rows would not.

    A missing table or right is not the row's fault: dead-lettering for it would empty the streams.
    """
    if isinstance(error, DBAPIError):
        sqlstate: Any = getattr(error.orig, "sqlstate", None)
        return isinstance(error, (DataError, IntegrityError)) or str(sqlstate).startswith(
            _ROW_SQLSTATES
        )
    # A value that cannot be converted: SQLAlchemy wraps it, sqlite3 lets OverflowError through.
    return isinstance(error, (StatementError, OverflowError, ValueError))
