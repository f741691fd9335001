"""The small parts of delivery: secrets, signatures, URLs, waiting times, bodies."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests.support.messages import make_alert
from tonewatch.alerting.delivery.dispatcher import delivery_values
from tonewatch.alerting.delivery.mail import compose
from tonewatch.alerting.delivery.payload import alert_body, message_id
from tonewatch.alerting.delivery.schedule import ATTEMPTS, delay_seconds, parse_retry_after
from tonewatch.alerting.delivery.signing import check_secret, new_secret, signed_headers
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.urls import check_literal_address, check_url, shown
from tonewatch.alerting.settings import AlertingOptions, DeclaredWebhook, SmtpOptions
from tonewatch.shared.clock import utc_now
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError


def test_what_is_signed_is_accepted_by_the_standard_library_of_receivers() -> None:
    secret, body = new_secret(), alert_body(make_alert())
    headers = signed_headers(secret, "id-1", utc_now(), body)
    assert Webhook(secret).verify(body, headers)["type"] == "alert.firing"


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
        check_literal_address(f"http://{host}/hook", AddressPolicy())


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
    body = json.loads(alert_body(make_alert(labels={"agent_id": "7"})))
    assert set(body) == {"type", "timestamp", "data"}
    promised = "alert_id state rule priority session_id source_id speaker labels emotions value"
    promised += " threshold first_seq last_seq started_at at decided_at message"
    assert set(body["data"]) == set(promised.split(" "))
    assert body["data"]["at"] == "2026-01-04T09:00:05.000Z"


def test_the_message_id_depends_on_alert_state_and_receiver_only() -> None:
    assert message_id("a", "firing", "w") == message_id("a", "firing", "w")
    ids = {message_id(*parts) for parts in (("a", "firing", "w"), ("a", "resolved", "w"))}
    assert len(ids | {message_id("a", "firing", "v")}) == 3


def test_a_mail_says_it_in_both_languages_and_keeps_its_id() -> None:
    smtp = SmtpOptions(host="h", sender="a@example.com", recipients=("b@example.com",))
    values = delivery_values(
        alert_id="alert-1",
        alert_state="firing",
        receiver="email",
        rule="VIP客户恐惧告警",
        session_id="call-1",
        channel="email",
        receiver_name="email",
        payload=alert_body(make_alert(rule="VIP客户恐惧告警", labels={"agent_id": "7"})),
    )
    mail = compose(DeliveryRow(**values), smtp)
    assert mail["Subject"] == "[Tonewatch] 告警触发 / alert firing: VIP客户恐惧告警"
    text = mail.get_content()
    for part in ("规则 / rule: VIP客户恐惧告警", "agent_id=7", "0.900 (阈值 / threshold 0.75)"):
        assert part in text
    assert mail["Message-ID"] == f"<{values['message_id']}@tonewatch>"


def test_a_declared_webhook_s_mistakes_do_not_show_its_secret() -> None:
    with pytest.raises(ValueError, match="a webhook secret is whsec_") as caught:
        DeclaredWebhook(name="a", url="https://example.com", secret="whsec_planted")
    assert "planted" not in str(caught.value)


def test_a_replica_has_a_name_that_survives_its_restart() -> None:
    assert AlertingOptions().consumer == AlertingOptions().consumer
    assert AlertingOptions(instance="one").consumer == "one"
