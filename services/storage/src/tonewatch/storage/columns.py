"""Column types that read the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

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
