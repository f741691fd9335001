"""docs/webhooks.md in both languages: settings load, requests are accepted, snippets verify."""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from standardwebhooks import WebhookVerificationError

from tests.support.messages import make_alert
from tests.support.pages import blocks as code_blocks
from tests.support.pages import both, code
from tests.support.require import require_tool
from tonewatch.alerting.api._deliveries import Recovery
from tonewatch.alerting.api._webhooks import NewWebhook, Rotation
from tonewatch.alerting.delivery.payload import EventType, alert_body
from tonewatch.alerting.delivery.schedule import DELAYS_SECONDS
from tonewatch.alerting.delivery.signing import new_secret, signed_headers
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.shared.clock import utc_now

BODY = re.compile(r"-d '(\{.*?\})'", re.DOTALL)


def signed(*, age: timedelta = timedelta()) -> tuple[str, dict[str, str], str]:
    """A secret, and headers and body that it signs; the first of two, as while it is replaced."""
    secret, body = new_secret(), alert_body(make_alert(), EventType.ALERT_FIRING, "firing")
    return secret, signed_headers((new_secret(), secret), "id-1", utc_now() - age, body), body


@both("webhooks.md")
def test_every_setting_loads(page: Path) -> None:
    blocks = code_blocks(page, "yaml")
    assert len(blocks) == 4
    together: dict[str, Any] = {}
    for block in blocks:
        section = yaml.safe_load(block.code)["alerting"]
        channels = together.get("channels", {}) | section.get("channels", {})
        together |= section | ({"channels": channels} if channels else {})
    options = AlertingOptions(**together)
    assert {"webhook", "email", "钉钉值班群", "phone"} <= options.channel_names
    types = {channel.type for channel in options.channels.values()}
    assert types == {"dingtalk", "wecom", "feishu", "slack", "apprise", "email"}


@both("webhooks.md")
def test_every_request_is_one_that_the_api_takes(page: Path) -> None:
    wanted: list[type[BaseModel]] = [NewWebhook, Rotation, Recovery]
    bodies = [BODY.findall(block.code) for block in code_blocks(page, "bash")]
    for model, (body,) in zip(wanted, bodies, strict=True):
        model.model_validate_json(body)


@both("webhooks.md")
def test_the_body_shown_has_the_fields_that_are_sent(page: Path) -> None:
    shown = json.loads(code(page, "json"))
    sent = json.loads(alert_body(make_alert(), EventType.ALERT_FIRING, "firing"))
    assert shown.keys() == sent.keys()
    assert set(shown["data"]) == set(sent["data"])


@both("webhooks.md")
def test_every_type_of_event_is_named(page: Path) -> None:
    for event_type in EventType:
        assert f"`{event_type}`" in page.read_text(encoding="utf-8")
    assert DELAYS_SECONDS == (0, 1, 5, 15, 60, 300, 1800, 7200, 21600, 43200)


@both("webhooks.md")
def test_the_python_snippet_verifies_and_tells_repeats(page: Path) -> None:
    names: dict[str, Any] = {}
    exec(code(page, "python"), names)  # noqa: S102 - our own page
    received: Callable[..., Any] = names["received"]
    secret, headers, body = signed()
    seen: set[str] = set()
    assert received(secret, headers, body.encode(), seen)["type"] == "alert.firing"
    assert received(secret, headers, body.encode(), seen) is None
    with pytest.raises(WebhookVerificationError):
        received(secret, headers, body.encode() + b" ", seen)


@both("webhooks.md")
def test_the_node_snippet_verifies(page: Path) -> None:
    node = require_tool("node")
    use = (
        "const [secret, headers, body] = JSON.parse(require('node:fs').readFileSync(0));"
        "console.log(verify(secret, headers, body).type);"
    )

    def run(secret: str, headers: dict[str, str], body: str) -> subprocess.CompletedProcess[str]:
        given = json.dumps([secret, headers, body])
        program = code(page, "javascript") + use
        return subprocess.run(
            [node, "-e", program], input=given, capture_output=True, text=True, check=False
        )

    secret, headers, body = signed()
    assert run(secret, headers, body).stdout == "alert.firing\n"
    assert "wrong signature" in run(secret, headers, body + " ").stderr
    assert "wrong signature" in run(new_secret(), headers, body).stderr
    assert "too old" in run(*signed(age=timedelta(minutes=6))).stderr
