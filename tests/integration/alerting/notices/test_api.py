"""The API of alerts and silences, on the running service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.alerting.conftest import Starting
from tests.integration.alerting.receiver import SECRET, receiving
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import (
    Alert,
    AlertAction,
    AlertState,
    AlertSubject,
    Escalation,
    NoticePolicy,
)
from tonewatch.shared.streams import ALERTS

SOON = "2030-01-01T00:00:00Z"


async def publish(broker: RedisBroker, *alerts: Alert) -> None:
    await broker.publish([Outgoing(ALERTS, alert) for alert in alerts])


async def items(client: AsyncClient, path: str = "/v1/alerts", **query: str) -> list[Any]:
    answer = await client.get(path, params=query)
    found: list[Any] = answer.raise_for_status().json()["items"]
    return found


async def wait_for(client: AsyncClient, count: int, **query: str) -> None:
    async def reached() -> bool:
        return len(await items(client, **query)) >= count

    await wait_until(reached)


async def story(client: AsyncClient, alert_id: str = "alert-1") -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/alerts/{alert_id}")).raise_for_status().json()
    return shown


def kinds(shown: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in shown["timeline"]]


async def test_an_alert_tells_all_that_happened_to_it(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver:
        hook = {"name": "hook", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[hook]) as client:
            await publish(broker, make_alert(), make_alert(AlertState.RESOLVED))
            await wait_until(lambda: len(receiver.requests) == 2)
            await client.post(
                "/v1/alerts/alert-1/comment", json={"by": "li", "comment": "called back"}
            )
            shown = await story(client)
            assert kinds(shown) == ["fired", "resolved", "told", "resolved_told", "commented"]
            assert shown["timeline"][-1]["by"] == "li"
            assert (shown["state"], shown["telling"], shown["held"]) == ("resolved", "told", None)
            told = [(item["notice"], item["receiver_name"]) for item in shown["deliveries"]]
            assert told == [("firing", "hook"), ("resolved", "hook")]
            delivery = await client.get(f"/v1/deliveries/{shown['deliveries'][0]['delivery_id']}")
            assert delivery.json()["alert_id"] == "alert-1"
            assert (await client.get("/v1/alerts/absent")).status_code == 404


async def test_every_type_of_event_reaches_a_receiver(
    broker: RedisBroker, alerting: Starting
) -> None:
    soon = (Escalation(after_seconds=0.1, channels=("webhook",)),)
    alerts = [
        make_alert(alert_id="a", session_id="call-1", notice=NoticePolicy(escalate=soon)),
        make_alert(alert_id="b", session_id="call-2", action=AlertAction.REVIEW),
        make_alert(alert_id="c", source_id="source-2", subject=AlertSubject.STREAM),
    ]
    async with receiving() as receiver:
        hook = {"name": "hook", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[hook]) as client:
            await publish(broker, *alerts)
            await wait_until(lambda: len(receiver.requests) == 4)
            ends = [alert.model_copy(update={"state": AlertState.RESOLVED}) for alert in alerts]
            await publish(broker, *ends)
            await wait_until(lambda: len(receiver.requests) == 6)
            assert {(r.event["data"]["alert_id"], r.kind) for r in receiver.requests} == {
                ("a", "alert.firing"),
                ("a", "alert.escalated"),
                ("a", "alert.resolved"),
                ("b", "review.requested"),
                ("c", "stream.down"),
                ("c", "stream.up"),
            }
            metrics = (await client.get("/metrics")).text
            assert "tonewatch_escalations_total 1.0" in metrics


async def test_people_work_on_an_alert_without_getting_in_each_other_s_way(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with alerting() as client:
        await publish(broker, make_alert())
        await wait_for(client, 1)

        async def act(what: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
            path = f"/v1/alerts/alert-1/{what}"
            return await client.post(path, json=body, headers=headers)

        first = (await act("acknowledge", by="li")).json()
        second = (await act("acknowledge", by="wang")).json()
        assert (first["changed"], second["changed"]) == (True, False)
        assert second["acknowledged"] == first["acknowledged"]
        assert second["acknowledged"]["by"] == "li"
        etag = (await client.get("/v1/alerts/alert-1")).headers["etag"]
        given = await act("assign", {"if-match": etag}, by="li", to="zhao")
        assert given.json()["assigned_to"] == "zhao"
        late = await act("assign", {"if-match": etag}, by="wang", to="wang")
        assert (late.status_code, late.json()["current"]["assigned_to"]) == (409, "zhao")
        version = late.json()["current"]["version"]
        closed = await act("close", by="zhao", verdict="false_alarm", version=version)
        assert closed.json()["verdict"] == "false_alarm"
        again = await act("close", by="li", verdict="right")
        assert again.status_code == 409
        assert "was closed by zhao as false_alarm" in again.json()["detail"]
        version = again.json()["current"]["version"]
        corrected = await act("close", by="li", verdict="right", comment="heard", version=version)
        assert corrected.json()["verdict"] == "right"
        history = await story(client)
        by_people = [event for event in history["timeline"] if event["by"]]
        assert [(event["kind"], event["by"]) for event in by_people] == [
            ("acknowledged", "li"),
            ("assigned", "li"),
            ("closed", "zhao"),
            ("closed", "li"),
        ]


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("acknowledge", {}, 422),
        ("acknowledge", {"by": ""}, 422),
        ("close", {"by": "li", "verdict": "wrong"}, 422),
        ("assign", {"by": "li"}, 422),
        ("comment", {"by": "li", "comment": ""}, 422),
        ("comment", {"by": "li", "comment": "x", "more": 1}, 422),
    ],
)
async def test_acts_that_say_too_little_are_refused(
    alerting: Starting, what: str, body: dict[str, Any], status: int
) -> None:
    async with alerting() as client:
        answer = await client.post(f"/v1/alerts/absent/{what}", json=body)
        assert answer.status_code == status
        fine = await client.post("/v1/alerts/absent/acknowledge", json={"by": "li"})
        assert fine.status_code == 404


async def test_alerts_are_listed_in_pages_and_filtered(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver:
        hook = {"name": "hook", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[hook]) as client:
            labels = {"agent_id": "7"}
            alerts = [make_alert(alert_id=f"a{n}", session_id=f"call-{n}") for n in range(4)]
            odd = make_alert(alert_id="odd", rule="sad", channels=("absent",), labels=labels)
            await publish(
                broker, *alerts, odd, odd.model_copy(update={"state": AlertState.RESOLVED})
            )
            await wait_for(client, 1, state="resolved")
            await wait_for(client, 5)
            seen = list(await _pages(client))
            assert sorted(seen) == ["a0", "a1", "a2", "a3", "odd"]
            for query in (
                {"rule": "sad"},
                {"agent": "7"},
                {"held": "no_receiver"},
                {"telling": "held"},
                {"state": "resolved"},
            ):
                assert [item["alert_id"] for item in await items(client, **query)] == ["odd"]
            assert len(await items(client, telling="told", session_id="call-2")) == 1
            assert await items(client, acknowledged="true") == []
            assert len(await items(client, verdict="none")) == 5
            assert await items(client, **{"from": iso_utc(utc_now())}) == []
            assert len(await items(client, to=iso_utc(utc_now()))) == 5
            assert (await client.get("/v1/alerts?cursor=nonsense")).status_code == 400
            assert (await client.get("/v1/alerts?rules=sad")).status_code == 422


async def _pages(client: AsyncClient) -> Iterator[str]:
    seen, cursor = [], None
    for _ in range(10):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/alerts", params=query)).json()
        seen += [item["alert_id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            return iter(seen)
    raise AssertionError("pages without end")


async def test_a_silence_holds_alerts_until_it_is_ended(
    broker: RedisBroker, alerting: Starting
) -> None:
    async with receiving() as receiver:
        hook = {"name": "hook", "url": receiver.url, "secret": SECRET}
        async with alerting(webhooks=[hook]) as client:
            new = {
                "matchers": ["rule=angry", 'source_id=~"source-.*"'],
                "ends_at": SOON,
                "author": "li",
                "comment": "training day",
            }
            made = await client.post("/v1/silences", json=new)
            assert (made.status_code, made.json()["state"]) == (201, "active")
            silence_id = made.json()["id"]
            await publish(broker, make_alert())
            await wait_for(client, 1, held="silenced")
            assert (await story(client))["held"] == {"reason": "silenced", "by": silence_id}
            assert receiver.requests == []
            changed = await client.put(f"/v1/silences/{silence_id}", json=new | {"author": "wang"})
            assert changed.json()["author"] == "wang"
            ended = await client.delete(f"/v1/silences/{silence_id}")
            assert ended.json()["state"] == "expired"
            await wait_until(lambda: receiver.kinds == ["alert.firing"])
            assert (await client.delete(f"/v1/silences/{silence_id}")).status_code == 409
            assert len(await items(client, "/v1/silences")) == 1
            assert await items(client, "/v1/silences", expired="false") == []
            assert (await client.get("/v1/silences/absent")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": ["angry"]}, "is no matcher"),
        ({"matchers": ["rule=~("]}, "regular expression"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "has passed"),
        ({"starts_at": "2031-01-01T00:00:00Z"}, "after `starts_at`"),
        ({"ends_at": "2030-01-01T00:00:00"}, "timezone"),
        ({"author": ""}, "author"),
    ],
)
async def test_a_silence_that_cannot_be_meant_is_refused(
    alerting: Starting, changes: dict[str, Any], said: str
) -> None:
    async with alerting() as client:
        new = {"matchers": ["rule=angry"], "ends_at": SOON, "author": "li"} | changes
        answer = await client.post("/v1/silences", json=new)
        assert answer.status_code in {400, 409, 422}
        assert said in answer.json()["detail"]
        assert await items(client, "/v1/silences") == []


async def test_verdicts_make_a_precision_figure_per_rule(
    broker: RedisBroker, alerting: Starting
) -> None:
    verdicts = ["right", "right", "false_alarm", "needs_coaching", None]
    async with alerting() as client:
        alerts = [make_alert(alert_id=f"a{n}", session_id=f"call-{n}") for n in range(5)]
        await publish(broker, *alerts)
        await wait_for(client, 5)
        for number, verdict in enumerate(verdicts):
            if verdict is not None:
                body = {"by": "li", "verdict": verdict}
                await client.post(f"/v1/alerts/a{number}/close", json=body)
        (figure,) = await items(client, "/v1/rules/precision")
        assert figure == {
            "rule": "angry",
            "alerts": 5,
            "right": 2,
            "false_alarm": 1,
            "needs_coaching": 1,
            "unjudged": 1,
            "precision": 0.6667,
        }
        tomorrow = iso_utc(utc_now() + timedelta(days=1))
        assert await items(client, "/v1/rules/precision", since=tomorrow) == []


async def test_metrics_say_what_is_silenced(alerting: Starting) -> None:
    async with alerting() as client:
        new = {"matchers": ["rule=angry"], "ends_at": SOON, "author": "li"}
        await client.post("/v1/silences", json=new)

        async def is_counted() -> bool:
            return "tonewatch_silences_active 1.0" in (await client.get("/metrics")).text

        await wait_until(is_counted)
