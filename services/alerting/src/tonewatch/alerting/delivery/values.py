"""The values of new rows of the outbox."""

from collections.abc import Sequence
from typing import Any

from tonewatch.alerting.delivery.payload import (
    MOST_OTHERS,
    TEST_NOTICE,
    EventType,
    alert_body,
    disabled_body,
    message_id,
    test_body,
)
from tonewatch.alerting.delivery.receivers import Receiver
from tonewatch.alerting.delivery.schedule import ATTEMPTS
from tonewatch.alerting.delivery.tables import DeliveryState
from tonewatch.shared.clock import ms_of, now_ms
from tonewatch.shared.ids import derived_id, new_id
from tonewatch.shared.messages import Alert


def delivery_values(
    alert: Alert,
    event_type: EventType,
    receiver: Receiver,
    *,
    notice: str,
    others: Sequence[Alert] = (),
    held_back: int = 0,
    after: str | None = None,
) -> dict[str, Any]:
    """A row, due at once, that tells a receiver of an alert.

    Args:
        alert: the transition that the message is about.
        event_type: the body's type.
        receiver: who is told.
        notice: which notice of the alert this is, such as "firing" or "repeat-2"; one row each.
        others: further alerts that the same message tells of; the first 25 are listed.
        held_back: how many of them a flood cap had held.
        after: id of a delivery that must be finished first.
    """
    expires = alert.notice.expires_seconds
    decided_ms = ms_of(alert.decided_at)
    return _values(
        alert.alert_id,
        notice,
        event_type,
        receiver,
        alert_body(alert, event_type, notice, others[:MOST_OTHERS], held_back),
        rule=alert.rule,
        priority=alert.priority.value,
        session_id=alert.session_id,
        expires_ms=None if expires is None else decided_ms + round(expires * 1000),
        after_id=after,
    )


def test_values(receiver: Receiver) -> dict[str, Any]:
    """A row that tries whether a receiver can be told, once."""
    body = test_body(receiver.id, receiver.name)
    values = _values(f"test-{new_id()}", TEST_NOTICE, EventType.TEST, receiver, body)
    return {**values, "attempts_allowed": 1}


def disabled_values(
    receiver: Receiver, disabled_id: str, name: str, reason: str, since_ms: int
) -> dict[str, Any]:
    """A row that tells the operator that another receiver was disabled, once however often said."""
    subject = derived_id("disabled", disabled_id, str(since_ms))
    event_type, body = EventType.RECEIVER_DISABLED, disabled_body(name, reason)
    return _values(subject, "disabled", event_type, receiver, body)


def _values(
    alert_id: str,
    notice: str,
    event_type: EventType,
    receiver: Receiver,
    payload: str,
    *,
    rule: str = "",
    priority: str = "",
    session_id: str = "",
    expires_ms: int | None = None,
    after_id: str | None = None,
) -> dict[str, Any]:
    now = now_ms()
    return {
        "id": new_id(),
        "message_id": message_id(alert_id, notice, receiver.id),
        "alert_id": alert_id,
        "notice": notice,
        "event_type": event_type.value,
        "rule": rule,
        "priority": priority,
        "session_id": session_id,
        "channel": receiver.channel,
        "receiver": receiver.id,
        "receiver_name": receiver.name,
        "payload": payload,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "attempts_allowed": ATTEMPTS,
        "created_ms": now,
        "next_attempt_ms": now,
        "expires_ms": expires_ms,
        "after_id": after_id,
        "last_error": "",
        "leased_by": "",
    }
