"""Subscriptions: who gets what, how fast, signed by which secrets; and what ends when they fail."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.integration.alerting.conftest import Starting
from tests.integration.alerting.receiver import SECRET, Answer, Receiver, Request, receiving
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.alerting.delivery import schedule
from tonewatch.alerting.delivery.signing import new_secret
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import AlertAction, AlertState, AlertSubject, NoticePolicy, Priority
from tonewatch.shared.streams import ALERTS


async def publish(broker: RedisBroker, *alerts: dict[str, Any]) -> None:
    """Alerts of calls of their own, so that nothing groups them."""
    made = [
        make_alert(**{"alert_id": f"alert-{number}", "session_id": f"call-{number}"} | changes)
        for number, changes in enumerate(alerts)
    ]
    await broker.publish([Outgoing(ALERTS, alert) for alert in made])


async def add(client: AsyncClient, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    """A subscription through the API."""
    new = {"name": "hook", "url": receiver.url, "secret": receiver.secret, **fields}
    answer = await client.post("/v1/webhooks", json=new)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def listed(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/deliveries", params=query)
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


async def wait_for(client: AsyncClient, count: int = 1, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def enough() -> bool:
        found[:] = await listed(client, **query)
        return len(found) >= count

    await wait_until(enough)
    return found


async def test_a_filter_lets_pass_what_it_names_and_nothing_else(
    broker: RedisBroker, alerting: Starting
) -> None:
    wanted = {
        "rules": ["angry"],
        "min_priority": "high",
        "labels": {"queue": "vip"},
        "event_types": ["alert.firing"],
    }
    async with receiving() as narrow, receiving() as wide, alerting() as client:
        await add(client, narrow, name="narrow", filter=wanted)
        await add(client, wide, name="wide")
        vip = {"queue": "vip", "agent_id": "7"}
        await publish(
            broker,
            {"labels": vip},
            {"labels": vip, "priority": Priority.MEDIUM},
            {"labels": vip, "rule": "afraid"},
            {"labels": {"queue": "sales"}},
            {"labels": vip, "priority": Priority.CRITICAL},
        )
        await wait_until(lambda: len(wide.requests) == 5)
        await publish(broker, {"labels": vip, "state": AlertState.RESOLVED})
        await wait_until(lambda: len(wide.requests) == 6)
        told = sorted(request.event["data"]["alert_id"] for request in narrow.requests)
        assert told == ["alert-0", "alert-4"]


async def test_every_kind_of_event_has_its_type(broker: RedisBroker, alerting: Starting) -> None:
    async with receiving() as receiver, alerting() as client:
        await add(client, receiver)
        stream = {"subject": AlertSubject.STREAM, "rule": "stream down", "source_id": "other"}
        review = {"action": AlertAction.REVIEW, "alert_id": "review", "session_id": "other"}
        await publish(broker, stream, {}, review)
        await wait_until(lambda: len(receiver.requests) == 3)
        await publish(broker, stream | {"state": AlertState.RESOLVED})
        await wait_until(lambda: len(receiver.requests) == 4)
        kinds = ["alert.firing", "review.requested", "stream.down", "stream.up"]
        assert sorted(receiver.kinds) == kinds


async def test_while_a_secret_is_replaced_both_verify(alerting: Starting) -> None:
    async with receiving() as receiver, alerting() as client:
        made = await add(client, receiver)
        path = f"/v1/webhooks/{made['id']}"
        rotated = (await client.post(f"{path}/rotate", json={"by": "li"})).json()
        assert rotated["secret"] not in {made["secret"], None}
        assert rotated["old_secret_until"] is not None
        assert (await client.post(f"{path}/test")).json()["state"] == "delivered"
        request = receiver.requests[-1]
        assert len(request.headers["webhook-signature"].split(" ")) == 2
        for secret in (made["secret"], rotated["secret"]):
            assert Webhook(secret).verify(request.body, request.headers)["type"] == "test"
        chosen = new_secret()
        at_once = {"secret": chosen, "keep_old_seconds": 0}
        assert (await client.post(f"{path}/rotate", json=at_once)).status_code == 200
        receiver.secret = chosen
        await client.post(f"{path}/test")
        request = receiver.requests[-1]
        with pytest.raises(WebhookVerificationError):
            Webhook(rotated["secret"]).verify(request.body, request.headers)
        shown = (await client.get(path)).text
        assert all(secret not in shown for secret in (rotated["secret"], chosen))


async def test_a_declared_webhook_s_old_secret_signs_as_well(alerting: Starting) -> None:
    old = new_secret()
    async with receiving(secret=old) as receiver:
        hook = {"name": "hook", "url": receiver.url, "secret": SECRET, "old_secret": old}
        async with alerting(webhooks=[hook]) as client:
            (shown,) = (await client.get("/v1/webhooks")).json()["items"]
            path = f"/v1/webhooks/{shown['id']}"
            assert (await client.post(f"{path}/test")).json()["state"] == "delivered"
            request = receiver.requests[-1]
            assert Webhook(SECRET).verify(request.body, request.headers)
            assert (await client.post(f"{path}/rotate", json={})).status_code == 409
            assert (await client.patch(path, json={"name": "x"})).status_code == 409
            assert (await client.patch(path, json={"enabled": False})).json()["enabled"] is False


async def test_extra_headers_are_sent_and_their_values_shown_nowhere(
    alerting: Starting, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiving() as receiver, alerting() as client:
        made = await add(client, receiver, headers={"Authorization": "Bearer planted"})
        tested = (await client.post(f"/v1/webhooks/{made['id']}/test")).json()
        assert receiver.requests[-1].headers["authorization"] == "Bearer planted"
        sent = tested["attempts"][0]["request"]
        assert sent["headers"]["authorization"] == "***"
        assert sent["headers"]["webhook-id"] == tested["message_id"]
        assert sent["body"] == receiver.requests[-1].body
        everything = str(made) + str(tested) + (await client.get("/v1/webhooks")).text
        assert "planted" not in everything + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"Host": "elsewhere"}},
        {"headers": {"webhook-signature": "planted"}},
        {"headers": {"x": "planted\r\nx-injected: 1"}},
        {"headers": {"a b": "planted"}},
        {"rate_per_minute": 0},
        {"filter": {"min_priority": "urgent"}},
        {"filter": {"event_types": ["alert.exploded"]}},
        {"filter": {"label": {}}},
        {"body_format": "xml"},
        {"url": "http://127.0.0.1:22/"},
    ],
)
async def test_what_cannot_work_is_refused(alerting: Starting, fields: dict[str, Any]) -> None:
    async with alerting() as client:
        new = {"name": "hook", "url": "https://example.com/"} | fields
        answer = await client.post("/v1/webhooks", json=new)
        assert answer.status_code in {400, 422}
        assert "planted" not in answer.text


async def test_beyond_its_rate_deliveries_wait_and_none_is_lost(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver, alerting() as client:
        made = await add(client, receiver, rate_per_minute=4)
        await publish(broker, *[{} for _ in range(4)])
        await wait_until(lambda: receiver.requests)

        async def the_rest_waits() -> bool:
            shown = (await client.get(f"/v1/webhooks/{made['id']}")).json()
            return bool(shown["waiting"] == 3)

        await wait_until(the_rest_waits)
        lifted = {"rate_per_minute": None}
        assert (await client.patch(f"/v1/webhooks/{made['id']}", json=lifted)).status_code == 200
        await wait_for(client, 4, state="delivered")
        assert len(receiver.requests) == 4


async def test_a_change_is_in_force_at_once_and_in_the_log_with_who_made_it(
    broker: RedisBroker, alerting: Starting, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiving() as old, receiving() as new, alerting() as client:
        made = await add(client, old)
        change = {"url": new.url, "name": "renamed", "by": "wang"}
        changed = (await client.patch(f"/v1/webhooks/{made['id']}", json=change)).json()
        assert (changed["name"], changed["url"]) == ("renamed", new.url)
        await publish(broker, {})
        await wait_until(lambda: new.requests)
        assert old.requests == []
        assert "wang" in "".join(capsys.readouterr())
        refused = await client.patch(f"/v1/webhooks/{made['id']}", json={"url": "ftp://x"})
        assert refused.status_code == 422
        assert (await client.patch("/v1/webhooks/absent", json={})).status_code == 404


async def test_a_webhook_that_is_switched_off_gets_nothing_until_it_is_on_again(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver, receiving() as other, alerting() as client:
        made = await add(client, receiver)
        await add(client, other, name="other")
        path = f"/v1/webhooks/{made['id']}"
        off = (await client.patch(path, json={"enabled": False})).json()
        assert (off["enabled"], off["disabled_reason"]) == (False, "switched off")
        await publish(broker, {})
        await wait_until(lambda: other.requests)
        on = (await client.patch(path, json={"enabled": True})).json()
        assert (on["enabled"], on["disabled_reason"]) == (True, None)
        await publish(broker, {"alert_id": "later", "session_id": "later"})
        await wait_until(lambda: receiver.requests)
        assert [request.event["data"]["alert_id"] for request in receiver.requests] == ["later"]


async def test_alertmanager_s_format_says_the_same(broker: RedisBroker, alerting: Starting) -> None:
    bodies: list[dict[str, Any]] = []

    async def behave(request: Request) -> Answer:
        bodies.append(json.loads(request.body))
        return 200, {}, ""

    async with receiving(behave) as receiver, alerting() as client:
        await add(client, receiver, body_format="alertmanager")
        await publish(broker, {"labels": {"agent-id": "7"}})
        await wait_until(lambda: len(bodies) == 1)
        await publish(broker, {"labels": {"agent-id": "7"}, "state": AlertState.RESOLVED})
        await wait_until(lambda: len(bodies) == 2)
        firing, resolved = bodies
        assert set(firing) == {
            *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels"),
            *("commonLabels", "commonAnnotations", "externalURL", "alerts"),
        }
        assert (firing["version"], firing["status"], resolved["status"]) == (
            *("4", "firing", "resolved"),
        )
        (alert,) = firing["alerts"]
        assert alert["labels"]["alertname"] == "angry"
        assert alert["labels"]["severity"] == "high"
        assert alert["labels"]["agent_id"] == "7"
        assert alert["endsAt"] == "0001-01-01T00:00:00Z"
        assert resolved["alerts"][0]["endsAt"] == "2026-01-04T09:00:05.000Z"
        assert resolved["alerts"][0]["fingerprint"] == alert["fingerprint"]
        (shown,) = await listed(client, event_type="alert.firing")
        detail = (await client.get(f"/v1/deliveries/{shown['id']}")).json()
        assert json.loads(detail["attempts"][0]["request"]["body"]) == firing


async def test_what_failed_since_a_time_is_sent_again(
    broker: RedisBroker, alerting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "DELAYS_SECONDS", (0.02,) * 10)
    broken = [True]

    async def behave(request: Request) -> Answer:
        return (503 if broken[0] else 200), {}, ""

    async with receiving(behave) as receiver, alerting() as client:
        await add(client, receiver)
        await publish(broker, {}, {})
        await wait_for(client, 2, state="failed")
        broken[0] = False
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        none = await client.post("/v1/deliveries/recover", json={"since": later})
        assert none.json() == {"deliveries": 0}
        earlier = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        all_of_it = await client.post("/v1/deliveries/recover", json={"since": earlier})
        assert (all_of_it.status_code, all_of_it.json()) == (202, {"deliveries": 2})
        await wait_for(client, 2, state="delivered")
        assert len({request.message_id for request in receiver.requests}) == 2


async def test_a_webhook_that_only_fails_is_disabled_and_the_operator_told_elsewhere(
    broker: RedisBroker, alerting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "DELAYS_SECONDS", (0.05,) * 10)

    async def refuse(request: Request) -> Answer:
        return 500, {}, ""

    async with receiving(refuse) as broken, receiving() as operator:
        options = {"failing_days": 0.15 / 86400, "operator_channels": ["webhook"]}
        async with alerting(**options) as client:
            made = await add(client, broken)
            only = {"event_types": ["receiver.disabled"]}
            await add(client, operator, name="operator", filter=only)
            await publish(broker, {})
            await wait_until(lambda: operator.requests)
            data = operator.requests[0].event["data"]
            assert operator.kinds == ["receiver.disabled"]
            assert data["name"] == "hook"
            assert "every attempt has failed for" in data["message"]
            shown = (await client.get(f"/v1/webhooks/{made['id']}")).json()
            assert (shown["enabled"], shown["waiting"]) == (False, 0)
            assert shown["failing_since"] is not None
            tried = len(broken.requests)
            assert tried < 10
            await publish(broker, {"alert_id": "later", "session_id": "later"})
            await asyncio.sleep(0.3)  # nothing may come in that time
            assert len(broken.requests) == tried


async def test_a_delivery_that_became_too_old_is_dropped_and_the_log_says_so(
    broker: RedisBroker, alerting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "DELAYS_SECONDS", (3600,) * 10)

    async def refuse(request: Request) -> Answer:
        return 503, {}, ""

    async with receiving(refuse) as receiver, alerting() as client:
        await add(client, receiver)
        decided_at = datetime.now(UTC)
        await publish(broker, {"notice": NoticePolicy(expires_seconds=2), "decided_at": decided_at})
        (dropped,) = await wait_for(client, state="expired")
        assert dropped["last_error"] == "not sent: older than the rule lets it become"
        assert dropped["finished_at"] >= dropped["expires_at"]
        assert dropped["attempt_count"] == len(receiver.requests) == 1


async def test_the_log_is_narrowed_by_what_people_ask_for(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver, alerting() as client:
        made = await add(client, receiver)
        await publish(broker, {}, {"rule": "afraid"})
        await wait_for(client, 2, state="delivered")
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        for query, count in (
            ({"rule": "afraid"}, 1),
            ({"session_id": "call-0"}, 1),
            ({"receiver": made["id"]}, 2),
            ({"receiver": "other"}, 0),
            ({"event_type": "alert.resolved"}, 0),
            ({"until": later}, 2),
            ({"since": later}, 0),
        ):
            assert len(await listed(client, **query)) == count, query
        assert (await client.get("/v1/deliveries?colour=red")).status_code == 422
