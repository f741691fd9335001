"""How later messages complete a row of a session or an alert.

Pure, and the same whatever the order: a started and an ended event, or a firing and a resolved
transition, lead to the same row either way round, and a repeated message changes nothing.
"""

from typing import Any

from tonewatch.shared.messages import Alert, AlertState, SessionEvent, SessionState
from tonewatch.storage.rows import Row, label_columns


def merge_session(row: Row, event: SessionEvent) -> Row:
    """The session's row after the event; what a start says outweighs what an end says."""
    ends = event.state is SessionState.ENDED
    merged = row | {
        "name": _weigh(row["name"], event.name, keep=ends),
        "kind": _weigh(row["kind"], event.kind, keep=ends),
        "speakers": _weigh(row["speakers"], [s.value for s in event.speakers], keep=ends),
        # no speakers: nobody has announced the session yet
        "lane": row["lane"] if ends and row["speakers"] else event.lane.value,
        **label_columns(_weigh(row["labels"], dict(event.labels), keep=ends)),
    }
    if ends:
        return merged | {
            "state": event.state.value,
            "ended_at": event.at,
            "frames": event.frames,
            "reason": event.reason,
        }
    return merged | {"source_id": event.source_id, "started_at": event.at}


def _weigh(old: Any, new: Any, *, keep: bool) -> Any:
    """The value that is told; of two, the old one if it is to be kept."""
    return (old or new) if keep else (new or old)


def merge_source(sources: dict[str, Row], told: Row) -> None:
    """Bring what one session tells of its source into the rows of sources."""
    row = sources.setdefault(told["source_id"], told)
    newest = told if told["last_seen_at"] >= row["last_seen_at"] else row
    first_seen_at = min(row["first_seen_at"], told["first_seen_at"])
    sources[told["source_id"]] = newest | {"first_seen_at": first_seen_at}


def new_alert_row(alert: Alert) -> Row:
    """The alert's row from its first transition that arrives."""
    firing = alert.state is AlertState.FIRING
    return {
        "alert_id": alert.alert_id,
        "state": alert.state.value,
        "rule": alert.rule,
        "priority": alert.priority.value,
        "action": alert.action.value,
        "subject": alert.subject.value,
        "session_id": alert.session_id,
        "source_id": alert.source_id,
        "speaker": alert.speaker.value,
        "channels": list(alert.channels),
        "emotions": list(alert.emotions),
        "value": alert.value,
        "threshold": alert.threshold,
        "first_seq": alert.first_seq,
        "last_seq": alert.last_seq,
        "started_at": alert.started_at,
        "fired_at": alert.at if firing else None,
        "resolved_at": None if firing else alert.at,
        "decided_at": alert.decided_at,
        "message": alert.message,
        **label_columns(dict(alert.labels)),
    }


def merge_alert(row: Row, alert: Alert) -> Row:
    """The alert's row after one more transition: the seconds of all, the words of the firing."""
    firing = alert.state is AlertState.FIRING
    words = alert.message or row["message"] if firing else row["message"] or alert.message
    return row | {
        "state": row["state"] if firing else alert.state.value,
        "value": max(row["value"], alert.value),
        "first_seq": min(row["first_seq"], alert.first_seq),
        "last_seq": max(row["last_seq"], alert.last_seq),
        "started_at": min(row["started_at"], alert.started_at),
        "fired_at": alert.at if firing else row["fired_at"],
        "resolved_at": row["resolved_at"] if firing else alert.at,
        "decided_at": min(row["decided_at"], alert.decided_at),
        "message": words,
    }
