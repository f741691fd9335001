"""From an alert in the stream to receivers over real HTTP and SMTP, and what may go wrong."""

import asyncio
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncSession

from tests.integration.alerting.conftest import Starting
from tests.integration.alerting.receiver import SECRET, Answer, Receiver, Request, receiving
from tests.support.messages import make_alert, make_score
from tests.support.wait import wait_until
from tonewatch.alerting.delivery import schedule
from tonewatch.alerting.delivery.lanes import FIRST_WIDTH
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import AlertState
from tonewatch.shared.streams import ALERTS, SCORES


def declared(receiver: Receiver, name: str = "hook") -> list[dict[str, str]]:
    return [{"name": name, "url": receiver.url, "secret": SECRET}]


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "DELAYS_SECONDS", (0, 0.05, 0.05, 0.05, *[3600] * 6))


async def publish_alert(broker: RedisBroker, *states: AlertState, **changes: Any) -> None:
    messages = [make_alert(state, **changes) for state in states or (AlertState.FIRING,)]
    await broker.publish([Outgoing(ALERTS, message) for message in messages])


async def deliveries(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/deliveries", params=query)
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


async def wait_for_state(client: AsyncClient, state: str, count: int = 1) -> None:
    async def reached() -> bool:
        return len(await deliveries(client, state=state)) >= count

    await wait_until(reached)


async def test_angry_scores_become_a_verified_webhook(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver, alerting(webhooks=declared(receiver)) as client:
        scores = [make_score(seq, "angry") for seq in range(2)]
        scores += [make_score(seq) for seq in range(2, 5)]
        await broker.publish([Outgoing(SCORES, score) for score in scores])
        await wait_until(lambda: len(receiver.requests) == 2)
        assert receiver.kinds == ["alert.firing", "alert.resolved"]
        firing, resolved = receiver.requests
        assert firing.event["data"]["alert_id"] == resolved.event["data"]["alert_id"]
        assert firing.event["data"]["priority"] == "high"
        await wait_for_state(client, "delivered", 2)
        metrics = (await client.get("/metrics")).text
        assert 'tonewatch_alerts_total{priority="high",state="firing"} 1.0' in metrics
        assert "tonewatch_frame_to_alert_seconds_count 1.0" in metrics


async def test_a_failure_is_retried_with_the_same_id_and_every_attempt_is_in_the_log(
    broker: RedisBroker, alerting: Starting, quick_retries: None
) -> None:
    answers = iter([(500, "x" * 5000), (302, "elsewhere"), (200, "fine")])

    async def behave(request: Request) -> Answer:
        status, text = next(answers)
        return status, {"location": receiver.url}, text

    async with receiving(behave) as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker)
        await wait_for_state(client, "delivered")
        assert len({request.message_id for request in receiver.requests}) == 1
        assert len({request.body for request in receiver.requests}) == 1
        (item,) = await deliveries(client, alert_id="alert-1", channel="webhook")
        shown = (await client.get(f"/v1/deliveries/{item['id']}")).json()
        attempts = shown["attempts"]
        assert [attempt["status"] for attempt in attempts] == [500, 302, 200]
        assert [attempt["delivered"] for attempt in attempts] == [False, False, True]
        assert attempts[0]["response"] == "x" * 2048
        assert shown["message_id"] == receiver.requests[0].message_id
        assert shown["last_error"] is None


async def test_a_receiver_that_asks_for_patience_gets_it(
    broker: RedisBroker, alerting: Starting, quick_retries: None
) -> None:
    async def behave(request: Request) -> Answer:
        return (429, {"retry-after": "600"}, "") if len(receiver.requests) == 1 else (200, {}, "")

    async with receiving(behave) as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker)
        await wait_until(lambda: receiver.requests)

        async def was_recorded() -> bool:
            (item,) = await deliveries(client)
            return bool(item["attempt_count"] == 1)

        await wait_until(was_recorded)
        (item,) = await deliveries(client)
        assert item["next_attempt_at"] > item["created_at"]
        await asyncio.sleep(0.3)  # without the header it would have come after 0.05 s
        assert len(receiver.requests) == 1
        again = await client.post(f"/v1/deliveries/{item['id']}/resend")
        assert again.status_code == 202
        await wait_for_state(client, "delivered")
        assert len({request.message_id for request in receiver.requests}) == 1


async def test_resolved_waits_for_firing(
    broker: RedisBroker, alerting: Starting, quick_retries: None
) -> None:
    async def behave(request: Request) -> Answer:
        refused = request.kind == "alert.firing" and len(receiver.requests) < 3
        return (503 if refused else 200), {}, ""

    async with receiving(behave) as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker, AlertState.FIRING, AlertState.RESOLVED)
        await wait_for_state(client, "delivered", 2)
        assert receiver.kinds == ["alert.firing"] * 3 + ["alert.resolved"]


async def test_gone_disables_the_webhook_and_gives_up_what_waits(
    broker: RedisBroker, alerting: Starting
) -> None:
    async def behave(request: Request) -> Answer:
        return 410, {}, ""

    async with receiving(behave) as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker, AlertState.FIRING, AlertState.RESOLVED)
        await wait_for_state(client, "failed", 2)
        (webhook,) = (await client.get("/v1/webhooks")).json()["items"]
        assert (webhook["enabled"], webhook["disabled_reason"]) == (
            False,
            "the receiver answered 410 Gone",
        )
        (item, _) = await deliveries(client)
        assert (await client.post(f"/v1/deliveries/{item['id']}/resend")).status_code == 409
        assert len(receiver.requests) == 1


async def test_a_receiver_that_hangs_delays_nobody_else(
    broker: RedisBroker, alerting: Starting
) -> None:
    release = asyncio.Event()

    async def hang(request: Request) -> Answer:
        await release.wait()
        return 200, {}, ""

    async with receiving(hang) as hanging, receiving() as fast:
        hooks = declared(hanging, "hanging") + declared(fast, "fast")
        async with alerting(webhooks=hooks, delivery_timeout_seconds=60) as client:
            for number in range(30):
                await publish_alert(broker, alert_id=f"alert-{number}", session_id=f"call-{number}")
            await wait_until(lambda: len(fast.requests) == 30)
            # as many at once as a receiver that has not shown to be slow may have
            assert len(hanging.requests) == FIRST_WIDTH
            release.set()
            await wait_for_state(client, "delivered", 50)


async def test_a_receiver_that_drips_is_cut_off(broker: RedisBroker, alerting: Starting) -> None:
    async def drip(request: Request) -> Answer:
        await asyncio.sleep(30)
        return 200, {}, ""

    async with (
        receiving(drip) as receiver,
        alerting(webhooks=declared(receiver), delivery_timeout_seconds=0.2) as client,
    ):
        await publish_alert(broker)

        async def failed_once() -> bool:
            items = await deliveries(client)
            return bool(items and items[0]["last_error"])

        await wait_until(failed_once)
        assert (await deliveries(client))[0]["last_error"] == "no answer within 0.2 s"


async def test_no_address_that_is_not_allowed_is_reached(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver:
        by_name = {"name": "n", "url": f"http://localhost:{receiver.port}/", "secret": SECRET}
        async with alerting(webhooks=[by_name], egress={}) as client:
            await publish_alert(broker)

            async def refused() -> bool:
                items = await deliveries(client)
                return bool(items and items[0]["last_error"])

            await wait_until(refused)
            error = (await deliveries(client))[0]["last_error"]
            assert error.startswith("localhost (")
            assert "is not an allowed address" in error
            literal = {"name": "m", "url": receiver.url}
            answer = await client.post("/v1/webhooks", json=literal)
            assert (answer.status_code, answer.json()["error"]) == (422, "ForbiddenAddressError")
        assert receiver.requests == []


async def test_what_was_not_sent_before_a_restart_is_sent_after_it_with_the_same_id(
    broker: RedisBroker, alerting: Starting, quick_retries: None
) -> None:
    statuses = {"now": 503}

    async def behave(request: Request) -> Answer:
        return statuses["now"], {}, ""

    async with receiving(behave) as receiver:
        async with alerting(webhooks=declared(receiver)):
            await publish_alert(broker)
            await wait_until(lambda: len(receiver.requests) >= 1)
        statuses["now"] = 200
        async with alerting(webhooks=declared(receiver)) as client:
            await wait_for_state(client, "delivered")
        assert len({request.message_id for request in receiver.requests}) == 1


async def test_the_same_alert_twice_in_the_stream_is_told_once(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker, AlertState.FIRING, AlertState.FIRING)
        await publish_alert(broker, AlertState.RESOLVED)
        await wait_for_state(client, "delivered", 2)
        assert receiver.kinds == ["alert.firing", "alert.resolved"]


async def test_an_alert_is_not_acknowledged_before_its_deliveries_are_committed(
    broker: RedisBroker, alerting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Outbox.add
    failures = [True, True]

    async def failing(
        outbox: Outbox, rows: Sequence[dict[str, Any]], session: AsyncSession | None = None
    ) -> None:
        if rows and failures:
            failures.pop()
            raise UnavailableError("the disk is full")
        await add(outbox, rows, session)

    monkeypatch.setattr(Outbox, "add", failing)
    async with receiving() as receiver, alerting(webhooks=declared(receiver)):
        await publish_alert(broker)
        await wait_until(lambda: receiver.requests)
    assert failures == []


class Mailbox:
    """Keeps what a real SMTP server on loopback receives."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 taken" if len(self.envelopes) > 1 else "451 later"


async def test_a_mail_goes_to_the_configured_recipients_and_is_retried(
    broker: RedisBroker, alerting: Starting, quick_retries: None, free_port: Any
) -> None:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "tonewatch@example.com",
            "recipients": ["a@example.com", "b@example.com"],
        }
        async with alerting(smtp=smtp) as client:
            await publish_alert(broker, channels=("webhook", "email"), message="请关注")
            await wait_for_state(client, "delivered")
            (item,) = await deliveries(client, channel="email")
            shown = (await client.get(f"/v1/deliveries/{item['id']}")).json()
            assert [attempt["status"] for attempt in shown["attempts"]] == [451, None]
    finally:
        server.stop()
    envelope = mailbox.envelopes[-1]
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "请关注" in plain.get_content()
    assert "<td>请关注</td>" in html.get_content()


async def test_old_deliveries_leave_the_log(
    broker: RedisBroker, alerting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.delivery.sender.HOUSEKEEPING_SECONDS", 0)
    monkeypatch.setattr("tonewatch.alerting.delivery.sender.DAY_MS", 1)
    async with receiving() as receiver, alerting(webhooks=declared(receiver)) as client:
        await publish_alert(broker)
        await wait_until(lambda: receiver.requests)

        async def is_empty() -> bool:
            return await deliveries(client) == []

        await wait_until(is_empty)
