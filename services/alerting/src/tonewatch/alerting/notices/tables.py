"""Tables of the notices stage: the ledger of alerts, their history, who was told, silences, caps.

Times are milliseconds since 1970 in UTC. Names begin with `notice_` or are used by no other
service, since services may share one PostgreSQL database (storage has a table `alerts`).
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.alerting.delivery.tables import Base


class AlertRow(Base):
    """One alert: facts, what has been decided about telling people, what people did with it."""

    __tablename__ = "notice_alerts"
    __table_args__ = (
        Index("ix_notice_alerts_look", "look_ms"),
        Index("ix_notice_alerts_session", "session_id"),
        Index("ix_notice_alerts_source", "source_id", "resolved_ms"),
        Index("ix_notice_alerts_group", "group_key", "look_ms"),
        Index("ix_notice_alerts_cooldown", "cooldown_key"),
        Index("ix_notice_alerts_hold", "hold_by"),
        Index("ix_notice_alerts_fired", "fired_ms", "alert_id"),
        Index("ix_notice_alerts_rule", "rule", "fired_ms"),
    )

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    rule: Mapped[str] = mapped_column(String(256))
    priority: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[str] = mapped_column(String(128))
    source_id: Mapped[str] = mapped_column(String(128))
    agent: Mapped[str] = mapped_column(String(256), default="")
    group_key: Mapped[str] = mapped_column(String(300))
    cooldown_key: Mapped[str] = mapped_column(String(420))
    facts: Mapped[str] = mapped_column(Text)
    """The transition that says most: that it fires, or that it resolved if the other is unseen."""
    resolved: Mapped[str | None] = mapped_column(Text, default=None)
    firing_seen: Mapped[bool] = mapped_column(default=False)
    fired_ms: Mapped[int] = mapped_column(BigInteger)
    resolved_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    look_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    hold_reason: Mapped[str | None] = mapped_column(String(16), default=None)
    hold_by: Mapped[str | None] = mapped_column(String(300), default=None)
    told_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_told_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    repeats: Mapped[int] = mapped_column(default=0)
    escalations: Mapped[int] = mapped_column(default=0)
    resolved_told: Mapped[bool] = mapped_column(default=False)
    acknowledged_by: Mapped[str | None] = mapped_column(String(128), default=None)
    acknowledged_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    assigned_to: Mapped[str | None] = mapped_column(String(128), default=None)
    verdict: Mapped[str | None] = mapped_column(String(16), default=None)
    closed_by: Mapped[str | None] = mapped_column(String(128), default=None)
    closed_ms: Mapped[int | None] = mapped_column(BigInteger, default=None)
    verdict_waits: Mapped[bool] = mapped_column(default=False, index=True)
    """Storage has not been told of it yet."""
    version: Mapped[int] = mapped_column(default=1)


class EventRow(Base):
    """One line of an alert's history; rows are only ever added."""

    __tablename__ = "notice_events"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(String(64), index=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column("actor", String(128), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class ToldRow(Base):
    """Which delivery tells which receiver of which alert; a delivery may tell of several."""

    __tablename__ = "notice_told"

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(64))
    receiver: Mapped[str] = mapped_column(String(64))
    receiver_name: Mapped[str] = mapped_column(String(100))
    at_ms: Mapped[int] = mapped_column(BigInteger)


class SilenceRow(Base):
    """A silence; one that was ended early or has run out stays in the list for a while."""

    __tablename__ = "silences"
    __table_args__ = (Index("ix_silences_ends", "ends_ms"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    matchers: Mapped[list[str]] = mapped_column(JSON)
    starts_ms: Mapped[int] = mapped_column(BigInteger)
    ends_ms: Mapped[int] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(128))
    comment: Mapped[str] = mapped_column(Text, default="")
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)


class MarkRow(Base):
    """One notice that counts towards a cap."""

    __tablename__ = "notice_marks"
    __table_args__ = (Index("ix_notice_marks_key", "cap_key", "at_ms"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    cap_key: Mapped[str] = mapped_column(String(300))
    at_ms: Mapped[int] = mapped_column(BigInteger)


class TurnRow(Base):
    """The one row that whoever decides locks first, so that replicas decide one after the other."""

    __tablename__ = "notice_turn"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken: Mapped[int] = mapped_column(BigInteger, default=0)
