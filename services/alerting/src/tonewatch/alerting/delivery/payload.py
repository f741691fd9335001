"""What receivers are told: the webhook body (Standard Webhooks), the same for every attempt.

Bodies stay under 20,000 bytes, as Standard Webhooks asks: long texts in them are shortened, and
`data.shortened` says so.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Alert, AlertAction, AlertState, AlertSubject

MOST_BYTES: Final = 20_000
MOST_OTHERS: Final = 25
TEST_NOTICE: Final = "test"
_TEXT_LIMITS: Final = (1024, 256, 64, 24, 8)
"""Tried in this order, in characters, until the body is small enough."""

_LEFT_OUT: Final = {"v", "type", "traceparent", "channels", "notice"}
_IDENTIFIERS: Final = ("alert_id", "session_id", "source_id", "webhook_id")
_OTHER: Final = ("alert_id", "rule", "priority", "session_id", "speaker", "message")


class EventType(StrEnum):
    """The `type` of a body."""

    ALERT_FIRING = "alert.firing"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_ESCALATED = "alert.escalated"
    STREAM_DOWN = "stream.down"
    STREAM_UP = "stream.up"
    REVIEW_REQUESTED = "review.requested"
    RECEIVER_DISABLED = "receiver.disabled"
    TEST = "test"


def event_type_of(alert: Alert) -> EventType:
    """The type of a body that tells of an alert's transition."""
    is_firing = alert.state is AlertState.FIRING
    if alert.subject is AlertSubject.STREAM:
        return EventType.STREAM_DOWN if is_firing else EventType.STREAM_UP
    if alert.action is AlertAction.REVIEW and is_firing:
        return EventType.REVIEW_REQUESTED
    return EventType.ALERT_FIRING if is_firing else EventType.ALERT_RESOLVED


def alert_body(
    alert: Alert,
    event_type: EventType,
    notice: str,
    others: Sequence[Alert] = (),
    held_back: int = 0,
) -> str:
    """The body that tells of an alert, and of others in the same message."""
    data = alert.model_dump(mode="json", exclude=_LEFT_OUT)
    for name in ("started_at", "at", "decided_at"):
        data[name] = iso_utc(getattr(alert, name))
    data |= {"notice": notice, "held_back": held_back, "others": list(map(_brief, others))}
    return event_body(event_type, iso_utc(alert.decided_at), data)


def test_body(receiver_id: str, name: str) -> str:
    """The body of a test-fire."""
    data = {"receiver_id": receiver_id, "name": name, "message": "Tonewatch test / Tonewatch 测试"}
    return event_body(EventType.TEST, iso_utc(utc_now()), data)


def disabled_body(name: str, reason: str) -> str:
    """The body that tells the operator of a receiver that gets nothing any more."""
    data = {"name": name, "message": reason}
    return event_body(EventType.RECEIVER_DISABLED, iso_utc(utc_now()), data)


def message_id(alert_id: str, notice: str, receiver: str) -> str:
    """The id by which a receiver knows that it has seen this message before."""
    return derived_id("delivery", alert_id, notice, receiver)


def event_body(event_type: EventType, timestamp: str, data: Mapping[str, Any]) -> str:
    """A body of the standard format."""
    body = {"type": event_type.value, "timestamp": timestamp, "data": data}
    return bounded(body, ("data",))


def bounded(body: Mapping[str, Any], path: Sequence[str] = ()) -> str:
    """The body as JSON under 20,000 bytes; the object at `path` gets `shortened` if it had to be.

    Names, states, times and identifiers stay whole: only free texts are long.
    """
    text = _render(body)
    for limit in _TEXT_LIMITS:
        if len(text.encode()) < MOST_BYTES:
            return text
        shorter = _shorten(body, limit)
        target = shorter
        for name in path:
            target = target[name]
        target["shortened"] = True
        text = _render(shorter)
    return text


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters; an ellipsis says that there was more."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shorten(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, Mapping):
        return {
            name: item if name in _IDENTIFIERS else _shorten(item, limit)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_shorten(item, limit) for item in value]
    return value


def _brief(alert: Alert) -> dict[str, Any]:
    shown = {name: getattr(alert, name) for name in _OTHER}
    return {**shown, "state": alert.state.value, "at": iso_utc(alert.at)}


def _render(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
