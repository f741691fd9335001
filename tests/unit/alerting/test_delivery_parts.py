"""The small parts of delivery: secrets, signatures, URLs, waiting times, bodies."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.messages import make_alert
from tonewatch.alerting.delivery.alertmanager import alertmanager_body
from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.mail import compose
from tonewatch.alerting.delivery.filters import Filter
from tonewatch.alerting.delivery.payload import (
    MOST_BYTES,
    MOST_OTHERS,
    EventType,
    alert_body,
    event_type_of,
    message_id,
)
from tonewatch.alerting.delivery.receivers import Receiver
from tonewatch.alerting.delivery.schedule import ATTEMPTS, delay_seconds, parse_retry_after
from tonewatch.alerting.delivery.signing import check_secret, new_secret, signed_headers
from tonewatch.alerting.delivery.subscriptions import DeclaredWebhook
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.urls import check_target, check_url, shown
from tonewatch.alerting.delivery.values import delivery_values
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.shared.clock import utc_now
from tonewatch.shared.egress import AddressPolicy, EgressPolicy
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError
from tonewatch.shared.messages import AlertState, NoticePolicy, Priority


class Silent:
    """A channel that nothing is sent by."""

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        raise AssertionError("nothing is sent here")


RECEIVER = Receiver(channel="webhook", id="w", name="hook", sender=Silent())


def firing_body(**changes: Any) -> str:
    return alert_body(make_alert(**changes), EventType.ALERT_FIRING, "firing")


def test_what_is_signed_is_accepted_by_the_standard_library_of_receivers() -> None:
    secrets, body = (new_secret(), new_secret()), firing_body()
    headers = signed_headers(secrets, "id-1", utc_now(), body)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers)["type"] == "alert.firing"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


@pytest.mark.parametrize("secret", ["", "x" * 40, "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"])
def test_a_weak_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_secret(secret)
    assert (
        secret == ""
        or secret.removeprefix("whsec_") not in caught.value.message[7:]
        or (secret == "whsec_")
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "https://",
        "example.com",
        "http://user:word@example.com/",
        "http://example.com:port/",
        "http://example.com/a b",
        "http://[::1/",
    ],
)
def test_a_url_that_is_no_webhook_s_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        check_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_a_literal_address_that_is_not_allowed_is_refused_at_once(host: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check_target(f"http://{host}/hook", AddressPolicy())


@pytest.mark.parametrize("url", ["http://example.com/", "https://example.com:25/"])
def test_a_scheme_or_port_that_is_not_allowed_is_refused_at_once(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check_target(url, EgressPolicy(https_only=True))
    check_target("https://example.com/", EgressPolicy(https_only=True))


def test_a_url_is_shown_without_the_tokens_of_its_query() -> None:
    assert shown("https://example.com:8443/robot?access_token=abc") == (
        "https://example.com:8443/robot?***"
    )


def test_waiting_times_follow_the_schedule_within_a_fifth() -> None:
    schedule = [1, 5, 15, 60, 300, 1800, 7200, 21600, 43200]
    assert len(schedule) + 1 == ATTEMPTS
    for failed, expected in enumerate(schedule, start=1):
        assert expected * 0.8 <= delay_seconds(failed) <= expected * 1.2
    assert delay_seconds(1, retry_after=30) == 30
    assert delay_seconds(1, retry_after=1e9) == 43200


@given(st.text() | st.floats().map(str))
def test_any_retry_after_is_a_wait_or_none(value: str) -> None:
    parsed = parse_retry_after(value, utc_now())
    assert parsed is None or parsed >= 0


def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 1, 4, 9, 0, tzinfo=UTC)
    assert parse_retry_after("Sun, 04 Jan 2026 09:02:00 GMT", now) == 120
    assert parse_retry_after("Sun, 04 Jan 2026 08:00:00 GMT", now) == 0
    assert parse_retry_after("soon", now) is None


def test_the_body_has_the_promised_fields_and_no_others() -> None:
    body = json.loads(firing_body(labels={"agent_id": "7"}))
    assert set(body) == {"type", "timestamp", "data"}
    promised = "alert_id state rule priority session_id source_id speaker labels emotions value"
    promised += " threshold first_seq last_seq started_at at decided_at message action subject"
    promised += " notice held_back others"
    assert set(body["data"]) == set(promised.split(" "))
    assert body["data"]["at"] == "2026-01-04T09:00:05.000Z"


def large(number: int = 0) -> dict[str, Any]:
    """An alert as large as a message may be, in characters of three bytes."""
    return {
        "alert_id": f"alert-{number}",
        "rule": "规" * 256,
        "message": "很" * 2048,
        "labels": {f"标签{n}" + "名" * 56: "值" * 256 for n in range(32)},
    }


def test_a_body_is_never_too_large_and_says_that_it_was_shortened() -> None:
    others = [make_alert(**large(number)) for number in range(MOST_OTHERS)]
    body = alert_body(make_alert(**large()), EventType.ALERT_FIRING, "firing", others, 90)
    assert len(body.encode()) < MOST_BYTES
    data = json.loads(body)["data"]
    assert data["shortened"] is True
    assert data["message"].endswith("…")
    assert (data["alert_id"], data["held_back"], len(data["others"])) == ("alert-0", 90, 25)
    assert len(data["labels"]) == 32
    other = alertmanager_body(body, "hook")
    assert len(other.encode()) < MOST_BYTES
    assert "shortened" not in json.loads(firing_body())["data"]


def test_alertmanager_s_format_has_every_alert_of_the_message() -> None:
    others = [make_alert(alert_id="b", rule="afraid", message="x")]
    body = alert_body(make_alert(alert_id="a"), EventType.ALERT_FIRING, "firing", others)
    group = json.loads(alertmanager_body(body, "hook"))
    assert group["receiver"] == "hook"
    assert [alert["labels"]["alertname"] for alert in group["alerts"]] == ["angry", "afraid"]
    assert "alertname" not in group["commonLabels"]
    assert group["commonLabels"]["severity"] == "high"
    assert group["groupKey"] == '{}:{alertname="angry", session_id="call-1"}'


@pytest.mark.parametrize(
    ("subject", "action", "state", "event_type"),
    [
        ("emotion", "alert", "firing", "alert.firing"),
        ("emotion", "alert", "resolved", "alert.resolved"),
        ("emotion", "review", "firing", "review.requested"),
        ("stream", "alert", "firing", "stream.down"),
        ("stream", "alert", "resolved", "stream.up"),
        ("inference", "alert", "firing", "alert.firing"),
    ],
)
def test_the_type_says_what_happened(
    subject: str, action: str, state: str, event_type: str
) -> None:
    alert = make_alert(AlertState(state), subject=subject, action=action)
    assert event_type_of(alert) == event_type


@pytest.mark.parametrize(
    ("narrowed", "wanted"),
    [
        ({}, True),
        ({"rules": ["angry", "afraid"]}, True),
        ({"rules": ["afraid"]}, False),
        ({"min_priority": "high"}, True),
        ({"min_priority": "critical"}, False),
        ({"labels": {"agent_id": "7"}}, True),
        ({"labels": {"agent_id": "8"}}, False),
        ({"labels": {"queue": "vip"}}, False),
        ({"event_types": ["alert.firing"]}, True),
        ({"event_types": ["alert.resolved"]}, False),
        ({"rules": ["angry"], "min_priority": "critical"}, False),
    ],
)
def test_a_filter_passes_what_all_of_it_allows(narrowed: dict[str, Any], wanted: bool) -> None:
    alert = make_alert(priority=Priority.HIGH, labels={"agent_id": "7"})
    assert Filter.model_validate(narrowed).wants(EventType.ALERT_FIRING, alert) is wanted


def test_a_row_expires_as_the_rule_says() -> None:
    alert = make_alert(notice=NoticePolicy(expires_seconds=90))
    row = delivery_values(alert, EventType.ALERT_FIRING, RECEIVER, notice="firing")
    assert row["expires_ms"] == round(alert.decided_at.timestamp() * 1000) + 90_000
    lasting = delivery_values(make_alert(), EventType.ALERT_FIRING, RECEIVER, notice="firing")
    assert lasting["expires_ms"] is None


def test_the_message_id_depends_on_alert_state_and_receiver_only() -> None:
    assert message_id("a", "firing", "w") == message_id("a", "firing", "w")
    ids = {message_id(*parts) for parts in (("a", "firing", "w"), ("a", "resolved", "w"))}
    assert len(ids | {message_id("a", "firing", "v")}) == 3


def test_a_mail_says_it_in_both_languages_and_keeps_its_id() -> None:
    alert = make_alert(rule="VIP客户恐惧告警", labels={"agent_id": "7"}, message="<b>&")
    values = delivery_values(alert, EventType.ALERT_FIRING, RECEIVER, notice="firing")
    mail = compose([DeliveryRow(**values)], "a@example.com", ["b@example.com"], "both")
    assert mail["Subject"] == "[Tonewatch] 告警触发 / Alert firing: VIP客户恐惧告警"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    text = plain.get_content()
    for part in ("规则 / rule: VIP客户恐惧告警", "agent_id=7", "阈值 / threshold: 0.75", "<b>&"):
        assert part in text
    assert "<td>&lt;b&gt;&amp;</td>" in html.get_content()
    assert mail["Message-ID"] == f"<{values['message_id']}@tonewatch>"


def test_a_subject_is_one_line_whatever_the_rule_is_called() -> None:
    alert = make_alert(rule="a\r\nBcc: planted@example.com")
    values = delivery_values(alert, EventType.ALERT_FIRING, RECEIVER, notice="firing")
    mail = compose([DeliveryRow(**values)], "a@example.com", ["b@example.com"], "en")
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[Tonewatch] Alert firing: a Bcc: planted@example.com"


@pytest.mark.parametrize(
    "options",
    [
        {"channels": {"webhook": {"type": "slack", "url": "https://example.com"}}},
        {"channels": {"a b": {"type": "slack", "url": "https://example.com"}}},
        {"channels": {"a": {"type": "pigeon", "url": "https://planted.example.com"}}},
        {"channels": {"a": {"type": "dingtalk", "url": "ftp://planted.example.com"}}},
        {"channels": {"a": {"type": "wecom", "url": "https://planted.example.com", "key": "x"}}},
        {"operator_channels": ["email"]},
    ],
)
def test_channels_that_cannot_work_are_refused_without_their_secrets(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        AlertingOptions(**options)
    assert "planted" not in str(caught.value.errors(include_input=False))


def test_the_channels_that_rules_may_name() -> None:
    slack = {"type": "slack", "url": "https://example.com/planted"}
    options = AlertingOptions(channels={"钉钉-1": slack}, operator_channels=("钉钉-1",))
    assert options.channel_names == {"webhook", "钉钉-1"}
    assert "planted" not in options.model_dump_json()


def test_a_declared_webhook_s_mistakes_do_not_show_its_secret() -> None:
    with pytest.raises(ValueError, match="a webhook secret is whsec_") as caught:
        DeclaredWebhook(name="a", url="https://example.com", secret="whsec_planted")
    assert "planted" not in str(caught.value)


def test_a_replica_has_a_name_that_survives_its_restart() -> None:
    assert AlertingOptions().consumer == AlertingOptions().consumer
    assert AlertingOptions(instance="one").consumer == "one"
