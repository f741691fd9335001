"""The service's own tables: webhooks, deliveries, every attempt of each, and how receivers fare.

Times are milliseconds since 1970 in UTC: the same in SQLite and PostgreSQL, and quick to compare.
"""

from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MIGRATIONS: Final = "tonewatch.alerting:migrations"
VERSION_TABLE: Final = "alerting_schema_version"
"""Of its own, so that services may share one PostgreSQL database."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


class BodyFormat(StrEnum):
    """What the body of a webhook looks like."""

    STANDARD = "standard"
    ALERTMANAGER = "alertmanager"


class Base(DeclarativeBase):
    """Base of the tables."""


class WebhookRow(Base):
    """A subscription: where webhooks go, and which."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    old_secret: Mapped[str | None] = mapped_column(Text, default=None)
    old_secret_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    declared: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str] = mapped_column(Text, default="")
    created_ms: Mapped[int] = mapped_column(BigInteger)
    filter: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    headers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    rate_per_minute: Mapped[int | None] = mapped_column(default=None)
    body_format: Mapped[str] = mapped_column(String(16), default=BodyFormat.STANDARD)


class DeliveryRow(Base):
    """One message for one receiver: told once, or tried until it is given up.

    A row that is leased is due again when its lease ends: `next_attempt_ms` says when.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "receiver", "notice", name="uq_deliveries_once"),
        Index("ix_deliveries_due", "state", "receiver", "next_attempt_ms"),
        Index("ix_deliveries_finished", "finished_ms"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64))
    alert_id: Mapped[str] = mapped_column(String(64))
    notice: Mapped[str] = mapped_column(String(64))
    event_type: Mapped[str] = mapped_column(String(32))
    rule: Mapped[str] = mapped_column(String(256))
    priority: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[str] = mapped_column(String(128))
    channel: Mapped[str] = mapped_column(String(16))
    receiver: Mapped[str] = mapped_column(String(64))
    receiver_name: Mapped[str] = mapped_column(String(100))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    attempts_allowed: Mapped[int]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    next_attempt_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    after_id: Mapped[str | None] = mapped_column(String(64), default=None)
    first_sent_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    finished_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_status: Mapped[int | None] = mapped_column(default=None)
    last_error: Mapped[str] = mapped_column(Text, default="")
    leased_by: Mapped[str] = mapped_column(String(64), default="")


class AttemptRow(Base):
    """One attempt, as it went; a digest leaves one with each delivery that it joined."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    delivery_id: Mapped[str] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), index=True
    )
    at_ms: Mapped[int] = mapped_column(BigInteger)
    delivered: Mapped[bool]
    status: Mapped[int | None] = mapped_column(default=None)
    latency_ms: Mapped[int]
    response: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")
    request_headers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    request_body: Mapped[str | None] = mapped_column(Text, default=None)
    joined: Mapped[int] = mapped_column(default=1)


class ReceiverRow(Base):
    """How a receiver fares: shared by the replicas, so that they keep one rate limit together."""

    __tablename__ = "receivers"

    receiver: Mapped[str] = mapped_column(String(64), primary_key=True)
    paced_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    failing_since_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)


DELIVERIES: Final = cast("Table", DeliveryRow.__table__)
ATTEMPTS: Final = cast("Table", AttemptRow.__table__)
"""The tables themselves, for statements on many rows: quicker than through the mapper."""
