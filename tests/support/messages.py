"""Builders of messages with sensible defaults; a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.messages import (
    FRAME_SAMPLES,
    Alert,
    AlertState,
    Frame,
    Gap,
    GapReason,
    Priority,
    Score,
    SessionEvent,
    SessionState,
    Speaker,
)

START = datetime(2026, 1, 4, 9, 0, tzinfo=UTC)


def posterior(emotion: Emotion | str, probability: float = 0.9) -> tuple[float, ...]:
    """A posterior that gives one emotion this probability and shares the rest evenly."""
    rest = (1 - probability) / (len(EMOTIONS) - 1)
    return tuple(probability if label == emotion else rest for label in EMOTIONS)


def make_frame(seq: int = 0, session_id: str = "call-1", **changes: Any) -> Frame:
    """A frame full of speech."""
    captured_at = START + timedelta(seconds=seq)
    values: dict[str, Any] = {
        "session_id": session_id,
        "source_id": "source-1",
        "speaker": Speaker.MIXED,
        "seq": seq,
        "samples": FRAME_SAMPLES,
        "captured_at": captured_at,
        "published_at": captured_at + timedelta(seconds=1),
        "speech": 1.0,
        "level_dbfs": -20.0,
    }
    return Frame(**(values | changes))


def make_score(
    seq: int = 0,
    emotion: str = Emotion.NEUTRAL,
    probability: float = 0.9,
    session_id: str = "call-1",
    **changes: Any,
) -> Score:
    """A score of one second; emotion "no_speech" makes one without probabilities."""
    captured_at = START + timedelta(seconds=seq)
    silent = emotion == "no_speech"
    values: dict[str, Any] = {
        "session_id": session_id,
        "source_id": "source-1",
        "speaker": Speaker.MIXED,
        "seq": seq,
        "start_ms": seq * 1000,
        "end_ms": (seq + 1) * 1000,
        "captured_at": captured_at,
        "published_at": captured_at + timedelta(seconds=1),
        "scored_at": captured_at + timedelta(seconds=1.2),
        "emotion": emotion,
        "confidence": 0.0 if silent else probability,
        "probabilities": None if silent else posterior(emotion, probability),
        "window_seconds": 0.0 if silent else 3.0,
        "speech": 0.0 if silent else 1.0,
        "level_dbfs": -80.0 if silent else -20.0,
        "engine": "fake",
        "model": "fake",
        "revision": "1",
    }
    return Score(**(values | changes))


def make_gap(first_seq: int, last_seq: int, session_id: str = "call-1", **changes: Any) -> Gap:
    """A gap of one track."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "source_id": "source-1",
        "first_seq": first_seq,
        "last_seq": last_seq,
        "reason": GapReason.OVERLOAD,
        "at": START + timedelta(seconds=last_seq),
    }
    return Gap(**(values | changes))


def make_alert(
    state: AlertState = AlertState.FIRING, session_id: str = "call-1", **changes: Any
) -> Alert:
    """A transition of an alert over seconds 3 and 4."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "source_id": "source-1",
        "alert_id": "alert-1",
        "state": state,
        "rule": "angry",
        "priority": Priority.HIGH,
        "channels": ("webhook",),
        "emotions": ("angry",),
        "value": 0.9,
        "threshold": 0.75,
        "first_seq": 3,
        "last_seq": 4,
        "started_at": START + timedelta(seconds=3),
        "at": START + timedelta(seconds=5),
        "decided_at": START + timedelta(seconds=5.3),
        "message": "angry for 2 s",
    }
    return Alert(**(values | changes))


def make_session(
    state: SessionState = SessionState.STARTED, session_id: str = "call-1", **changes: Any
) -> SessionEvent:
    """A session's start or end."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "source_id": "source-1",
        "state": state,
        "name": "line 1",
        "kind": "pull",
        "at": START,
    }
    return SessionEvent(**(values | changes))
