"""What receivers are told: the webhook body (Standard Webhooks), the same for every attempt."""

import json
from typing import Any, Final

from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Alert

_LEFT_OUT: Final = {"v", "type", "traceparent", "channels"}


def alert_body(alert: Alert) -> str:
    """The body for a transition of an alert."""
    data = alert.model_dump(mode="json", exclude=_LEFT_OUT)
    for name in ("started_at", "at", "decided_at"):
        data[name] = iso_utc(getattr(alert, name))
    return _render(f"alert.{alert.state.value}", iso_utc(alert.decided_at), data)


def test_body(webhook_id: str, name: str) -> str:
    """The body of a test-fire."""
    data = {"webhook_id": webhook_id, "name": name, "message": "Tonewatch test / Tonewatch 测试"}
    return _render("webhook.test", iso_utc(utc_now()), data)


def message_id(alert_id: str, state: str, receiver: str) -> str:
    """The id by which a receiver knows that it has seen this message before."""
    return derived_id("delivery", alert_id, state, receiver)


def _render(kind: str, timestamp: str, data: dict[str, Any]) -> str:
    body = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
