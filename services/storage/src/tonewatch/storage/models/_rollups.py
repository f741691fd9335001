"""What statistics read instead of seconds: sums that are maintained as seconds arrive.

A mean probability is a `p_..._sum` over the seconds in which somebody spoke.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.storage.columns import BigKey
from tonewatch.storage.models._base import Base, Key, Name, Short

PROBABILITY_SUMS: Final = tuple(f"p_{emotion}_sum" for emotion in EMOTIONS)
"""Names of the nine sums of a roll-up, in the order of a posterior."""

SECONDS_OF: Final = {str(label): f"{label}_seconds" for label in (*EMOTIONS, NO_SPEECH)}
"""The column of a roll-up that counts the seconds in which a label was the strongest."""

CLUSTERED: Final = {"sqlite_with_rowid": False}
"""The rows lie in the order of their key, so that a stretch of time is read in one go."""


class _Heard:
    """Sums over the seconds that a row stands for."""

    seconds: Mapped[int] = mapped_column(BigKey)  # stored, all of them
    speech_seconds: Mapped[int] = mapped_column(BigKey)  # with a posterior
    angry_seconds: Mapped[int] = mapped_column(BigKey)
    disgusted_seconds: Mapped[int] = mapped_column(BigKey)
    fearful_seconds: Mapped[int] = mapped_column(BigKey)
    happy_seconds: Mapped[int] = mapped_column(BigKey)
    neutral_seconds: Mapped[int] = mapped_column(BigKey)
    other_seconds: Mapped[int] = mapped_column(BigKey)
    sad_seconds: Mapped[int] = mapped_column(BigKey)
    surprised_seconds: Mapped[int] = mapped_column(BigKey)
    unknown_seconds: Mapped[int] = mapped_column(BigKey)
    no_speech_seconds: Mapped[int] = mapped_column(BigKey)
    p_angry_sum: Mapped[float]
    p_disgusted_sum: Mapped[float]
    p_fearful_sum: Mapped[float]
    p_happy_sum: Mapped[float]
    p_neutral_sum: Mapped[float]
    p_other_sum: Mapped[float]
    p_sad_sum: Mapped[float]
    p_surprised_sum: Mapped[float]
    p_unknown_sum: Mapped[float]


class TrackRollup(_Heard, Base):
    """What was heard in one track of a session on the whole."""

    __tablename__ = "track_rollups"

    session_id: Mapped[str] = mapped_column(Key, primary_key=True)
    speaker: Mapped[str] = mapped_column(Short, primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigKey)
    end_ms: Mapped[int] = mapped_column(BigKey)


class EmotionHour(_Heard, Base):
    """What was heard in one hour (UTC), by agent, queue and speaker.

    What has no agent or queue counts under the empty name.
    """

    __tablename__ = "emotion_hours"
    __table_args__ = CLUSTERED

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(Name, primary_key=True)
    queue: Mapped[str] = mapped_column(Name, primary_key=True)
    speaker: Mapped[str] = mapped_column(Short, primary_key=True)


class AlertHour(Base):
    """Alerts of one hour (UTC, of `started_at`), by rule and agent, and the verdicts on them."""

    __tablename__ = "alert_hours"
    __table_args__ = CLUSTERED

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(Name, primary_key=True)
    agent_id: Mapped[str] = mapped_column(Name, primary_key=True)
    queue: Mapped[str] = mapped_column(Name, primary_key=True)
    alerts: Mapped[int] = mapped_column(BigKey)
    right_verdicts: Mapped[int] = mapped_column(BigKey)
    false_alarm_verdicts: Mapped[int] = mapped_column(BigKey)
    needs_coaching_verdicts: Mapped[int] = mapped_column(BigKey)


class RollupPosition(Base):
    """Up to which record the sums go; moved in the transaction that adds to them."""

    __tablename__ = "rollup_positions"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    record_id: Mapped[int] = mapped_column(BigKey)
