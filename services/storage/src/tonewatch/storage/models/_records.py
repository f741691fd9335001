"""What was heard: seconds, their fine matrices, utterances, segments and gaps.

On PostgreSQL `emotion_records` and `emotion_steps` are partitioned by the day of `timestamp` (UTC).
There the key of a second is one of each partition, and `elsewhere.py` sees to the other days.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.storage.columns import BigKey
from tonewatch.storage.models._base import Base, Key, Name, Short

POSTERIOR: Final = tuple(f"p_{emotion}" for emotion in EMOTIONS)
"""Names of the nine probability columns, in the order of a posterior."""


class EmotionRecord(Base):
    """What was heard in one second (or utterance) of one track."""

    __tablename__ = "emotion_records"
    __table_args__ = (
        UniqueConstraint("session_id", "speaker", "seq", "granularity"),
        Index(None, "timestamp", "id"),
        Index(None, "source_id", "timestamp"),
        Index(None, "agent_id", "timestamp"),
        Index(None, "emotion", "timestamp"),
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
    emotion: Mapped[str] = mapped_column(Short)
    confidence: Mapped[float]
    granularity: Mapped[str] = mapped_column(Short)
    embedding_path: Mapped[str | None] = mapped_column(Text)
    alert_triggered: Mapped[bool] = mapped_column(server_default=false())
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(Short)
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
    speech: Mapped[float]
    level_dbfs: Mapped[float]
    window_seconds: Mapped[float]
    hop_seconds: Mapped[int] = mapped_column(server_default=text("1"))
    engine: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(Name)
    revision: Mapped[str] = mapped_column(Key)
    labels: Mapped[dict[str, str]]
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    published_at: Mapped[datetime]
    scored_at: Mapped[datetime]
    stored_at: Mapped[datetime]


class EmotionSteps(Base):
    """The matrix inside one second; apart from its record, because it is kept for days only."""

    __tablename__ = "emotion_steps"
    __table_args__ = (Index(None, "timestamp"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)  # the record's
    timestamp: Mapped[datetime]  # the record's, too
    steps: Mapped[bytes]  # float16, little-endian, rows of nine: see steps.py


def steps_of_record() -> ColumnElement[bool]:
    """How a record finds its matrix; with the timestamp, so that PostgreSQL looks at one day."""
    return (EmotionSteps.id == EmotionRecord.id) & (
        EmotionSteps.timestamp == EmotionRecord.timestamp
    )


class Utterance(Base):
    """A stretch of speech between pauses and what was heard in it; outlives the seconds."""

    __tablename__ = "utterances"
    __table_args__ = (
        Index(None, "started_at"),
        Index(None, "agent_id", "started_at"),
        Index(None, "emotion", "started_at"),
        Index(None, "confidence"),
    )

    session_id: Mapped[str] = mapped_column(Key, primary_key=True)
    speaker: Mapped[str] = mapped_column(Short, primary_key=True)
    number: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    source_id: Mapped[str] = mapped_column(Key)
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    started_at: Mapped[datetime]
    start_ms: Mapped[int] = mapped_column(BigKey)
    end_ms: Mapped[int] = mapped_column(BigKey)
    emotion: Mapped[str] = mapped_column(Short)
    confidence: Mapped[float]
    p_angry: Mapped[float | None]
    p_disgusted: Mapped[float | None]
    p_fearful: Mapped[float | None]
    p_happy: Mapped[float | None]
    p_neutral: Mapped[float | None]
    p_other: Mapped[float | None]
    p_sad: Mapped[float | None]
    p_surprised: Mapped[float | None]
    p_unknown: Mapped[float | None]
    embedding_path: Mapped[str | None] = mapped_column(Text)


class Segment(Base):
    """A run of consecutive seconds of one track with one emotion; outlives the seconds.

    Runs are as long as they can be: two segments of one emotion never touch.
    """

    __tablename__ = "segments"
    __table_args__ = (
        Index(None, "started_at"),
        Index(None, "agent_id", "started_at"),
        Index(None, "emotion", "started_at"),
        Index(None, "emotion", "peak"),
        Index(None, "peak"),
    )

    session_id: Mapped[str] = mapped_column(Key, primary_key=True)
    speaker: Mapped[str] = mapped_column(Short, primary_key=True)
    first_seq: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(BigKey)
    emotion: Mapped[str] = mapped_column(Short)  # no_speech is one, too
    source_id: Mapped[str] = mapped_column(Key)
    agent_id: Mapped[str | None] = mapped_column(Name)
    queue: Mapped[str | None] = mapped_column(Name)
    started_at: Mapped[datetime]  # wall time of its first sample
    start_ms: Mapped[int] = mapped_column(BigKey)
    end_ms: Mapped[int] = mapped_column(BigKey)
    confidence_sum: Mapped[float]  # over its seconds; divide by last_seq - first_seq + 1
    peak: Mapped[float]  # the highest confidence of a second in it


class Gap(Base):
    """Seconds of a track without a score, and why."""

    __tablename__ = "gaps"
    __table_args__ = (
        UniqueConstraint("session_id", "speaker", "first_seq", "last_seq", "reason"),
        Index(None, "at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(Key)
    source_id: Mapped[str] = mapped_column(Key)
    speaker: Mapped[str] = mapped_column(Short)
    first_seq: Mapped[int] = mapped_column(BigKey)
    last_seq: Mapped[int] = mapped_column(BigKey)
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(512))
    at: Mapped[datetime]
