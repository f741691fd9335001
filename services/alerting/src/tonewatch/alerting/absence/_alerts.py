"""The alerts about streams and inference; their ids follow from what is seen in Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tonewatch.alerting.engine import Call, CompiledRule, absence_sentence
from tonewatch.shared.clock import utc_now
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Alert, AlertState, AlertSubject

INFERENCE: Final = "inference"
"""Stands for session and source where an alert concerns all calls."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A session that brings nothing any more."""

    session_id: str
    source_id: str
    labels: Mapping[str, str]
    frames: int
    since: datetime


def stream_alert(rule: CompiledRule, gone: Gone) -> Alert:
    """A stream is down; the same id for one session and how far it came."""
    parts = (rule.name, gone.session_id, AlertSubject.STREAM.value, str(gone.frames))
    return Alert(
        session_id=gone.session_id,
        source_id=gone.source_id,
        labels=dict(gone.labels),
        alert_id=derived_id(*parts),
        first_seq=gone.frames,
        last_seq=gone.frames,
        value=rule.needed_seconds,
        subject=AlertSubject.STREAM,
        message=absence_sentence(
            rule,
            gone.session_id,
            Call(gone.source_id, gone.labels),
            gone.since,
            rule.needed_seconds,
        ),
        **_common(rule, gone.since),
    )


def lag_alert(rule: CompiledRule, oldest_ms: int, since: datetime, waits_seconds: float) -> Alert:
    """Frames wait too long; the same id for the same oldest frame."""
    return Alert(
        session_id=INFERENCE,
        source_id=INFERENCE,
        alert_id=derived_id(rule.name, AlertSubject.INFERENCE.value, str(oldest_ms)),
        first_seq=0,
        last_seq=0,
        value=round(waits_seconds, 1),
        subject=AlertSubject.INFERENCE,
        message=absence_sentence(rule, INFERENCE, Call(INFERENCE), since, round(waits_seconds, 1)),
        **_common(rule, since),
    )


def over(alert: Alert, at: datetime) -> Alert:
    """The same alert, resolved."""
    resolved = {"state": AlertState.RESOLVED, "at": max(at, alert.at), "decided_at": utc_now()}
    return alert.model_copy(update=resolved)


def _common(rule: CompiledRule, since: datetime) -> dict[str, Any]:
    return {
        "state": AlertState.FIRING,
        "rule": rule.name,
        "priority": rule.priority,
        "channels": rule.channels,
        "emotions": (),
        "threshold": rule.needed_seconds,
        "started_at": since,
        "at": since + timedelta(seconds=rule.needed_seconds),
        "decided_at": utc_now(),
        "action": rule.action,
        "notice": rule.notice,
    }
