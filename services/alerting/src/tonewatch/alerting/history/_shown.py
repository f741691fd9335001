"""What was found in history, as answers and lines show it."""

from typing import Any

from tonewatch.alerting.engine import TracedSecond, Transition
from tonewatch.alerting.history._backtest import Found, Progress
from tonewatch.shared.clock import iso_utc


def shown_found(found: Found) -> dict[str, Any]:
    """An alert that would have fired."""
    fired, resolved = found.fired, found.resolved
    return {
        "type": "alert",
        "alert_id": fired.facts.alert_id,
        "rule": fired.rule,
        "session_id": found.session.session_id,
        "source_id": found.session.source_id,
        "labels": found.session.labels,
        "speaker": found.speaker,
        "priority": fired.facts.priority,
        "value": fired.value if resolved is None else resolved.value,
        "threshold": fired.facts.threshold,
        "first_seq": fired.first_seq,
        "last_seq": fired.last_seq if resolved is None else resolved.last_seq,
        "started_at": iso_utc(fired.started_at),
        "fired_at": iso_utc(fired.at),
        "resolved_at": None if resolved is None else iso_utc(resolved.at),
        "message": fired.facts.message,
    }


def shown_progress(progress: Progress) -> dict[str, Any]:
    """How far it is, or what came of it."""
    return {
        "type": "summary" if progress.done else "progress",
        "sessions": progress.sessions,
        "tracks": progress.tracks,
        "seconds": progress.seconds,
        "alerts": progress.alerts,
        "by_rule": dict(progress.by_rule),
        "complete": progress.done and not progress.why_stopped,
        "why_stopped": progress.why_stopped or None,
    }


def shown_second(second: TracedSecond) -> dict[str, Any]:
    """One second as a rule saw it."""
    return {
        "seq": second.seq,
        "value": second.value,
        "stage_values": list(second.stage_values),
        "state": second.standing,
        "held_seconds": second.held_seconds,
        "needed_seconds": second.needed_seconds,
        "reason": second.reason,
        "transitions": [_shown_transition(each) for each in second.transitions],
    }


def _shown_transition(transition: Transition) -> dict[str, Any]:
    return {
        "state": transition.state,
        "alert_id": transition.facts.alert_id,
        "at": iso_utc(transition.at),
        "value": transition.value,
    }
