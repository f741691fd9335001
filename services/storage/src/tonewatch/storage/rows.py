"""Messages to rows: pure functions, one per table."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tonewatch.shared.messages import (
    Alert,
    Gap,
    Lane,
    Message,
    Score,
    SessionEvent,
    SessionState,
)
from tonewatch.storage.columns import Values
from tonewatch.storage.models import POSTERIOR, EmotionRecord, EmotionSteps

Row = dict[str, Any]

_AT_COMMIT: Final = ("id", "timestamp", "alert_triggered", "stored_at")
_EARLIER: Final = tuple(
    column.name for column in EmotionRecord.__table__.columns if column.name not in _AT_COMMIT
)
RECORD_COLUMNS: Final = (*_AT_COMMIT, *_EARLIER)
"""First what a transaction adds to a row, and the moment, which its matrix shares."""
STEPS_COLUMNS: Final = tuple(EmotionSteps.__table__.columns.keys())
_NO_POSTERIOR: Final = (None,) * len(POSTERIOR)


def record_cells(score: Score, values: Values) -> tuple[Any, ...]:
    """The moment of a row of `emotion_records`, and what stands in `RECORD_COLUMNS` after it.

    Built some thousand times a second, so neither by name nor by the types of SQLAlchemy.
    """
    labels = score.labels
    session_id = score.session_id
    return (
        values.moment(score.captured_at),
        session_id,
        str(score.emotion),
        score.confidence,
        score.granularity.value,
        score.embedding_path,
        session_id,
        score.source_id,
        score.speaker.value,
        score.seq,
        score.start_ms,
        score.end_ms,
        *(score.probabilities or _NO_POSTERIOR),
        score.speech,
        score.level_dbfs,
        score.window_seconds,
        score.hop_seconds,
        score.engine,
        score.model,
        score.revision,
        values.labels(labels),
        labels.get("agent_id"),
        labels.get("queue"),
        values.moment(score.published_at),
        values.moment(score.scored_at),
    )


def record_row(
    cells: tuple[Any, ...], *, record_id: int, marked: bool, stored_at: Any
) -> tuple[Any, ...]:
    """A row of `emotion_records` in the order of `RECORD_COLUMNS`, as the driver takes it."""
    return (record_id, cells[0], marked, stored_at, *cells[1:])


def steps_row(record: tuple[Any, ...], steps: bytes) -> tuple[Any, ...]:
    """A row of `emotion_steps`, in the order of `STEPS_COLUMNS`, for a row of the records."""
    return (*record[:2], steps)  # id and timestamp


def gap_row(gap: Gap) -> Row:
    """A row of `gaps`."""
    return {
        "session_id": gap.session_id,
        "source_id": gap.source_id,
        "speaker": gap.speaker.value,
        "first_seq": gap.first_seq,
        "last_seq": gap.last_seq,
        "reason": gap.reason.value,
        "detail": gap.detail,
        "at": gap.at,
    }


def source_row(event: SessionEvent) -> Row:
    """A row of `sources`, as one session of it tells."""
    return {
        "source_id": event.source_id,
        "name": event.name,
        "kind": event.kind,
        "labels": dict(event.labels),
        "first_seen_at": event.at,
        "last_seen_at": event.at,
    }


def alert_hour_row(alert: Alert) -> Row:
    """A row of `alert_hours` that counts this alert alone."""
    return {
        "hour": alert.started_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0),
        "rule": alert.rule,
        "agent_id": alert.labels.get("agent_id", ""),
        "queue": alert.labels.get("queue", ""),
        "alerts": 1,
        "right_verdicts": 0,
        "false_alarm_verdicts": 0,
        "needs_coaching_verdicts": 0,
    }


def transition_row(alert: Alert) -> Row:
    """A row of `alert_transitions`."""
    return {
        "alert_id": alert.alert_id,
        "session_id": alert.session_id,
        "speaker": alert.speaker.value,
        "state": alert.state.value,
        "at": alert.at,
        "decided_at": alert.decided_at,
        "value": alert.value,
        "first_seq": alert.first_seq,
        "last_seq": alert.last_seq,
        "message": alert.message,
    }


def implied_session_row(message: Message) -> Row:
    """What any message tells of its session, for a session that nobody has announced yet."""
    return {
        "session_id": message.session_id,
        "source_id": message.source_id,
        "name": "",
        "kind": "",
        "lane": Lane.LIVE.value,
        "speakers": [],
        "state": SessionState.STARTED.value,
        "started_at": implied_start(message),
        "ended_at": None,
        "frames": None,
        "reason": "",
        **_label_columns(message),
    }


def implied_start(message: Message) -> datetime:
    """When the session began, as far as this message tells."""
    match message:
        case Score():
            return message.captured_at - timedelta(milliseconds=message.start_ms)
        case Gap():
            return message.at - timedelta(seconds=message.last_seq + 1)
        case Alert():
            return message.started_at - timedelta(seconds=message.first_seq)
        case SessionEvent():
            # a session's end tells its beginning by its length; a start has no `frames`
            return message.at - timedelta(seconds=message.frames or 0)
        case _:
            raise TypeError(f"storage reads no {type(message).__name__}")


def label_columns(labels: dict[str, str]) -> Row:
    """Labels, and those that are asked for most as columns of their own."""
    return {"labels": labels, "agent_id": labels.get("agent_id"), "queue": labels.get("queue")}


def _label_columns(message: Message) -> Row:
    return label_columns(dict(message.labels))
