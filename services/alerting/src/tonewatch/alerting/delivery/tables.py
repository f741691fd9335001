"""The service's own tables: webhooks, deliveries, and every attempt of each delivery.

Times are milliseconds since 1970 in UTC: the same in SQLite and PostgreSQL, and quick to compare.
"""

from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MIGRATIONS: Final = "tonewatch.alerting:migrations"
VERSION_TABLE: Final = "alerting_schema_version"
"""Of its own, so that services may share one PostgreSQL database."""

TEST_STATE: Final = "test"
"""What a test-fire has in the place of an alert's state."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Base(DeclarativeBase):
    """Base of the tables."""


class WebhookRow(Base):
    """A receiver of webhooks."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    declared: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str] = mapped_column(Text, default="")
    created_ms: Mapped[int] = mapped_column(BigInteger)


class DeliveryRow(Base):
    """One message for one receiver: told once, or tried until it is given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "alert_state", "receiver", name="uq_deliveries_once"),
        Index("ix_deliveries_due", "state", "receiver", "next_attempt_ms"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64))
    alert_id: Mapped[str] = mapped_column(String(64))
    alert_state: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(256))
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
    finished_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_status: Mapped[int | None] = mapped_column(default=None)
    last_error: Mapped[str] = mapped_column(Text, default="")
    leased_by: Mapped[str] = mapped_column(String(64), default="")
    leased_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class AttemptRow(Base):
    """One attempt, as it went."""

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
