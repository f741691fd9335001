"""Messages to rows: pure functions, one per table."""

from datetime import datetime, timedelta
from typing import Any

from tonewatch.shared.messages import (
    Alert,
    Gap,
    Lane,
    Message,
    Score,
    SessionEvent,
    SessionState,
)
from tonewatch.storage.models import POSTERIOR

Row = dict[str, Any]

_NO_POSTERIOR = (None,) * len(POSTERIOR)


def record_row(score: Score, steps: bytes | None, stored_at: datetime) -> Row:
    """A row of `emotion_records`, not yet marked by an alert."""
    return {
        "timestamp": score.captured_at,
        "audio_id": score.session_id,
        "emotion": str(score.emotion),
        "confidence": score.confidence,
        "granularity": score.granularity.value,
        "embedding_path": score.embedding_path,
        "alert_triggered": False,
        "session_id": score.session_id,
        "source_id": score.source_id,
        "speaker": score.speaker.value,
        "seq": score.seq,
        "start_ms": score.start_ms,
        "end_ms": score.end_ms,
        "steps": steps,
        "speech": score.speech,
        "level_dbfs": score.level_dbfs,
        "window_seconds": score.window_seconds,
        "engine": score.engine,
        "model": score.model,
        "revision": score.revision,
        "published_at": score.published_at,
        "scored_at": score.scored_at,
        "stored_at": stored_at,
        **dict(zip(POSTERIOR, score.probabilities or _NO_POSTERIOR, strict=True)),
        **_label_columns(score),
    }


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
