"""Column types that read the same on SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

Json = JSON().with_variant(JSONB(), "postgresql")
"""JSON text on SQLite, jsonb on PostgreSQL."""

BigKey = BigInteger().with_variant(Integer(), "sqlite")
"""A growing 64-bit key; SQLite numbers rows by itself only where the type is INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC.

    Python sees aware datetimes. PostgreSQL holds timestamptz; SQLite holds naive UTC text
    (`2026-01-04 09:00:00.000000`), which its own `date()` and string comparison understand.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database; raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if dialect.name == "sqlite" else moment.astimezone(UTC)


_MOMENT: Final = "%04d-%02d-%02d %02d:%02d:%02d.%06d"


class Values:
    """Values of the types above as the driver itself takes them, for inserts that bypass them.

    Labels are the same for all seconds of a session, so their text is kept for a while.
    """

    _REMEMBERED: Final = 4096

    def __init__(self, dialect: str) -> None:
        self._is_sqlite = dialect == "sqlite"
        self._texts: dict[tuple[tuple[str, str], ...], str] = {}

    def moment(self, value: datetime) -> Any:
        """A moment: a datetime for PostgreSQL, the text that `UtcDateTime` makes for SQLite."""
        if not self._is_sqlite:
            return value
        if value.utcoffset():
            value = value.astimezone(UTC)
        # a third less than isoformat() and a cut, of which a second needs three
        return _MOMENT % (
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
        )

    def labels(self, labels: dict[str, str]) -> str:
        """Labels as JSON text."""
        key = tuple(labels.items())
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= self._REMEMBERED:
                self._texts.clear()
            text = self._texts[key] = json.dumps(labels, ensure_ascii=False)
        return text
