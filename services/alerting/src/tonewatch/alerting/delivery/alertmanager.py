"""The second body format: what Prometheus Alertmanager sends (version "4").

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config names the fields. One group
is one call: `groupLabels` are the rule and the session.
"""

import json
import re
from typing import Any, Final

from tonewatch.alerting.delivery.payload import EventType, bounded
from tonewatch.shared.ids import derived_id

NEVER: Final = "0001-01-01T00:00:00Z"
"""How Alertmanager writes the end of an alert that has none."""

_RESOLVED: Final = (EventType.ALERT_RESOLVED, EventType.STREAM_UP)
_LABEL_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


def alertmanager_body(payload: str, receiver: str, external_url: str = "") -> str:
    """The body for an event of the standard format, under 20,000 bytes.

    Args:
        payload: the standard body.
        receiver: the subscription's name.
        external_url: where a person finds more, if anywhere.
    """
    event = json.loads(payload)
    data = event["data"]
    status = "resolved" if event["type"] in _RESOLVED else "firing"
    alerts = [_alert(data, event["type"], status, event["timestamp"], external_url)]
    alerts += [_other(other, event["type"], external_url) for other in data.get("others", ())]
    group = {
        name: alerts[0]["labels"][name]
        for name in ("alertname", "session_id")
        if name in alerts[0]["labels"]
    }
    body = {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": external_url,
        "alerts": alerts,
    }
    return bounded(body)


def _alert(
    data: dict[str, Any], event_type: str, status: str, timestamp: str, external_url: str
) -> dict[str, Any]:
    labels = {_LABEL_NAME.sub("_", name): text for name, text in data.get("labels", {}).items()}
    own = {
        "alertname": data.get("rule") or data.get("name", ""),
        "severity": data.get("priority"),
        "event_type": event_type,
        "session_id": data.get("session_id"),
        "source_id": data.get("source_id"),
        "speaker": data.get("speaker"),
    }
    annotations = {"summary": data.get("message", ""), "alert_id": data.get("alert_id", "")}
    if "value" in data:
        annotations["value"] = f"{data['value']:.3f}"
    return {
        "status": status,
        "labels": labels | {name: text for name, text in own.items() if text},
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": data.get("started_at", timestamp),
        "endsAt": data["at"] if status == "resolved" else NEVER,
        "generatorURL": external_url,
        "fingerprint": derived_id("alert", data.get("alert_id", timestamp))[:16],
    }


def _other(other: dict[str, Any], event_type: str, external_url: str) -> dict[str, Any]:
    return _alert(other, event_type, other["state"], other["at"], external_url)


def _common(maps: list[dict[str, str]]) -> dict[str, str]:
    first, *rest = maps
    return {
        name: text for name, text in first.items() if all(other.get(name) == text for other in rest)
    }
