"""Alerts, and how they changed."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.storage.columns import BigKey
from tonewatch.storage.models._base import Base, Key, Name, Short


class Alert(Base):
    """One firing of a rule, as far as its transitions have arrived, and what people made of it."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "started_at", "alert_id"),
        Index(None, "session_id", "started_at"),
        Index(None, "agent_id", "started_at"),
        Index(None, "rule", "started_at"),
        Index(None, "queue", "started_at"),
        Index(None, "value", "alert_id"),
    )

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(Short)
    rule: Mapped[str] = mapped_column(Name)
    priority: Mapped[str] = mapped_column(Short)
    action: Mapped[str] = mapped_column(Short, server_default=text("'alert'"))  # or review
    subject: Mapped[str] = mapped_column(Short, server_default=text("'emotion'"))
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(Short)
    labels: Mapped[dict[str, str]]
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    channels: Mapped[list[str]]
    emotions: Mapped[list[str]]
    value: Mapped[float]
    threshold: Mapped[float]
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    started_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    decided_at: Mapped[datetime]
    message: Mapped[str] = mapped_column(String(2048))
    verdict: Mapped[str | None] = mapped_column(Short)  # right, false_alarm, needs_coaching
    verdict_by: Mapped[str | None] = mapped_column(Name)
    verdict_at: Mapped[datetime | None]
    verdict_comment: Mapped[str | None] = mapped_column(String(4096))


class AlertTransition(Base):
    """One change of an alert's state; its seconds are those marked `alert_triggered`."""

    __tablename__ = "alert_transitions"
    __table_args__ = (
        UniqueConstraint("alert_id", "state", "at"),
        Index(None, "session_id", "speaker"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(Short)
    state: Mapped[str] = mapped_column(Short)
    at: Mapped[datetime]
    decided_at: Mapped[datetime]
    value: Mapped[float]
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    message: Mapped[str] = mapped_column(String(2048))
