"""Deliveries as answers show them."""

from collections.abc import Sequence
from typing import Any

from tonewatch.alerting.delivery.tables import AttemptRow, DeliveryRow, DeliveryState
from tonewatch.shared.clock import iso_of


def shown_delivery(
    row: DeliveryRow, attempts: Sequence[AttemptRow] | None = None
) -> dict[str, Any]:
    """A delivery, with its attempts if they are given."""
    waiting = row.state == DeliveryState.WAITING
    shown: dict[str, Any] = {
        "id": row.id,
        "message_id": row.message_id,
        "alert_id": row.alert_id,
        "notice": row.notice,
        "event_type": row.event_type,
        "rule": row.rule,
        "priority": row.priority or None,
        "session_id": row.session_id,
        "channel": row.channel,
        "receiver": row.receiver,
        "receiver_name": row.receiver_name,
        "state": row.state,
        "attempt_count": row.attempts,
        "last_status": row.last_status,
        "last_error": row.last_error or None,
        "created_at": iso_of(row.created_ms),
        "expires_at": iso_of(row.expires_ms),
        "next_attempt_at": iso_of(row.next_attempt_ms) if waiting and not row.leased_by else None,
        "finished_at": iso_of(row.finished_ms),
    }
    if attempts is not None:
        shown["payload"] = row.payload
        shown["attempts"] = [_shown_attempt(row, attempt) for attempt in attempts]
    return shown


def _shown_attempt(delivery: DeliveryRow, row: AttemptRow) -> dict[str, Any]:
    body = delivery.payload if row.request_body is None else row.request_body
    return {
        "at": iso_of(row.at_ms),
        "delivered": row.delivered,
        "status": row.status,
        "latency_ms": row.latency_ms,
        "request": {"headers": row.request_headers, "body": body},
        "joined": row.joined,
        "response": row.response,
        "error": row.error or None,
    }
