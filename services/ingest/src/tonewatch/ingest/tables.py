"""The tables of ingest's own database; `migrations/` brings a database to this form."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment as ISO 8601 text in UTC: SQLite has no type that keeps the zone."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> Any:
        """To text."""
        return None if value is None else value.astimezone(UTC).isoformat()

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """From text."""
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

VERSION_TABLE: Final = "ingest_schema_version"
"""A name of its own: several services may share one PostgreSQL database."""

sources = Table(
    "sources",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("url", String(2048)),
    Column("key_hash", String(64), unique=True),
    Column("labels", JSON, nullable=False),
    Column("layout", String(32), nullable=False),
    Column("unmonitored", JSON, nullable=False),
    Column("permitted_labels", JSON, nullable=False),
    Column("origin", String(8), nullable=False),
    Column("finished", String(512)),
    Column("created_at", UtcDateTime, nullable=False),
)

open_sessions = Table(
    "open_sessions",
    metadata,
    Column("session_id", String(128), primary_key=True),
    Column("source_id", String(128), nullable=False),
    Column("name", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("labels", JSON, nullable=False),
    Column("speakers", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("last_entry_id", String(64)),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("owner", String(128)),
)

rtmp_publishes = Table(
    "rtmp_publishes",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("source_id", String(128), nullable=False),
    Column("stream", String(128), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("reported", Boolean, nullable=False),
    Column("seen_at", UtcDateTime),
    Column("player", String(64)),
)

uploads = Table(
    "uploads",
    metadata,
    Column("session_id", String(128), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("state", String(16), nullable=False),
    Column("frames", Integer, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("error", String(512)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stated_seconds", Float),
)

folder_files = Table(
    "folder_files",
    metadata,
    Column("path", String(1024), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("session_id", String(128), nullable=False),
    Column("error", String(512)),
    Column("taken_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("source_id", String(128), nullable=False, index=True),
    Column("details", JSON, nullable=False),
)
