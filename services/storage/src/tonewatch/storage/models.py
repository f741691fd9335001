"""The tables. Analysts query them by hand: the README lists columns and ready queries.

Rows are only ever added, or completed by a later message of the same session or alert; nothing
depends on the order in which streams are read.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Double, Index, MetaData, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.storage.columns import BigKey, Json, UtcDateTime

Key = String(128)
Name = String(256)


class Base(DeclarativeBase):
    """Base of the tables; constraints are named, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        float: Double(),
        dict[str, str]: Json,
        list[str]: Json,
    }


class Session(Base):
    """One unbroken run of a source: a call, a publish, a file."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "started_at", "session_id"),
        Index(None, "source_id", "started_at"),
        Index(None, "agent_id", "started_at"),
    )

    session_id: Mapped[str] = mapped_column(Key, primary_key=True)
    source_id: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(String(32))
    lane: Mapped[str] = mapped_column(String(16))
    speakers: Mapped[list[str]]  # empty until the session was announced
    labels: Mapped[dict[str, str]]
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    state: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    frames: Mapped[int | None] = mapped_column(BigKey)  # of each track
    reason: Mapped[str] = mapped_column(String(512))


class EmotionRecord(Base):
    """What was heard in one second (or utterance) of one track."""

    __tablename__ = "emotion_records"
    __table_args__ = (
        UniqueConstraint("session_id", "speaker", "seq", "granularity"),
        Index(None, "timestamp", "id"),
        Index(None, "source_id", "timestamp"),
        Index(None, "agent_id", "timestamp"),
        Index(
            "ix_emotion_records_alert_triggered_timestamp",
            "timestamp",
            sqlite_where=text("alert_triggered = 1"),
            postgresql_where=text("alert_triggered"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    timestamp: Mapped[datetime]  # wall time of the first sample
    audio_id: Mapped[str] = mapped_column(Key)  # the session, under the name that reports use
    emotion: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float]
    granularity: Mapped[str] = mapped_column(String(16))
    embedding_path: Mapped[str | None] = mapped_column(Text)
    alert_triggered: Mapped[bool] = mapped_column(server_default=false())
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(String(16))
    seq: Mapped[int] = mapped_column(BigKey)
    start_ms: Mapped[int] = mapped_column(BigKey)
    end_ms: Mapped[int] = mapped_column(BigKey)
    p_angry: Mapped[float | None]
    p_disgusted: Mapped[float | None]
    p_fearful: Mapped[float | None]
    p_happy: Mapped[float | None]
    p_neutral: Mapped[float | None]
    p_other: Mapped[float | None]
    p_sad: Mapped[float | None]
    p_surprised: Mapped[float | None]
    p_unknown: Mapped[float | None]
    steps: Mapped[bytes | None]  # float16, little-endian, rows of nine: see steps.py
    speech: Mapped[float]
    level_dbfs: Mapped[float]
    window_seconds: Mapped[float]
    engine: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(Name)
    revision: Mapped[str] = mapped_column(Key)
    labels: Mapped[dict[str, str]]
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    published_at: Mapped[datetime]
    scored_at: Mapped[datetime]
    stored_at: Mapped[datetime]


POSTERIOR: Final = tuple(f"p_{emotion}" for emotion in EMOTIONS)
"""Names of the nine probability columns, in the order of a posterior."""


class Gap(Base):
    """Seconds of a track without a score, and why."""

    __tablename__ = "gaps"
    __table_args__ = (UniqueConstraint("session_id", "speaker", "first_seq", "last_seq", "reason"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(String(16))
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(512))
    at: Mapped[datetime]


class Alert(Base):
    """One firing of a rule, as far as its transitions have arrived."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "started_at", "alert_id"),
        Index(None, "session_id", "started_at"),
        Index(None, "agent_id", "started_at"),
    )

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(Name)
    priority: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(String(16))
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
    speaker: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    decided_at: Mapped[datetime]
    value: Mapped[float]
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    message: Mapped[str] = mapped_column(String(2048))
