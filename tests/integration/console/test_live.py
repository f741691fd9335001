"""The live stream over HTTP, fed by a real Redis."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.messages import make_alert, make_score, make_session
from tests.support.wait import wait_until
from tonewatch.shared.broker import MemoryBroker, Outgoing, RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import Lane
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS

Event = tuple[str, dict[str, Any], str]


async def follow(
    console: Console, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Event]:
    """Events of the live stream: name, data and id."""
    address = f"/api/v1/events{query}"
    async with console.client.stream("GET", address, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
                continue
            if "event" in fields:
                yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}


async def collect(events: AsyncGenerator[Event], count: int) -> list[Event]:
    """The next events that are no heartbeats."""
    found: list[Event] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            event = await anext(events)
            if event[0] != "status":
                found.append(event)
    return found


async def test_scores_alerts_and_sessions_are_told_as_they_come(
    console: Console, broker: RedisBroker
) -> None:
    async with aclosing(follow(console)) as events:
        assert (await anext(events))[0] == "status"
        await broker.publish(
            [Outgoing(SESSIONS, make_session()), Outgoing(SCORES, make_score(0, "angry", 0.9))]
        )
        await broker.publish([Outgoing(ALERTS, make_alert())])
        told = {name: data for name, data, _ in await collect(events, 3)}
    assert set(told) == {"session", "score", "alert"}
    assert told["score"]["probabilities"]["angry"] == 0.9
    assert told["score"]["emotion"] == "angry"
    assert told["alert"]["rule"] == "angry"
    assert told["session"]["name"] == "line 1"


async def test_who_asks_for_alerts_alone_is_shown_nothing_else(
    console: Console, broker: RedisBroker
) -> None:
    async with aclosing(follow(console, "?only=alert")) as events:
        assert (await anext(events))[0] == "status"
        await broker.publish([Outgoing(SESSIONS, make_session()), Outgoing(SCORES, make_score(0))])
        await wait_until(lambda: console.service.hub.cursor.split(".")[1] == "2")
        await broker.publish([Outgoing(ALERTS, make_alert())])
        assert [name for name, _, _ in await collect(events, 1)] == ["alert"]
    board = (await console.client.get("/api/v1/live?sessions=false")).json()
    assert (len(board["alerts"]), board["sessions"]) == (1, [])
    assert (await console.client.get("/api/v1/events?only=nothing")).status_code == 422


async def test_a_viewer_that_reconnects_catches_up_from_its_last_event(
    console: Console, broker: RedisBroker
) -> None:
    async with aclosing(follow(console)) as events:
        await anext(events)
        await broker.publish([Outgoing(SCORES, make_score(seq)) for seq in range(3)])
        *_, (_, _, last_id) = await collect(events, 3)
    await broker.publish([Outgoing(SCORES, make_score(seq)) for seq in range(3, 6)])
    await wait_until(lambda: console.service.hub.cursor.split(".")[1] == "6")
    async with aclosing(follow(console, headers={"Last-Event-ID": last_id})) as events:
        missed = await collect(events, 3)
    assert [data["seq"] for _, data, _ in missed] == [3, 4, 5]


async def test_a_new_page_starts_from_what_goes_on(console: Console, broker: RedisBroker) -> None:
    upload = make_session(session_id="upload-1", lane=Lane.UPLOAD)
    await broker.publish([Outgoing(SESSIONS, make_session(name="线路 <b>"))])
    await broker.publish([Outgoing(SESSIONS, upload), Outgoing(ALERTS, make_alert())])
    await broker.publish([Outgoing(SCORES, make_score(seq, "happy")) for seq in range(4)])
    await wait_until(lambda: console.service.hub.cursor.split(".")[1] == "7")
    board = (await console.client.get("/api/v1/live")).json()
    (call,) = board["sessions"]
    assert call["name"] == "线路 <b>"
    assert call["tracks"][0]["codes"] == "3333"
    assert [alert["rule"] for alert in board["alerts"]] == ["angry"]
    assert board["status"]["stale_since"] is None
    assert board["cursor"] == console.service.hub.cursor


async def test_a_closed_page_is_forgotten(console: Console) -> None:
    async with aclosing(follow(console)) as events:
        await anext(events)
        assert len(console.service.hub._viewers) == 1
    await wait_until(lambda: not console.service.hub._viewers)


async def test_heartbeats_come_while_nothing_happens(console: Console) -> None:
    async with aclosing(follow(console)) as events, asyncio.timeout(30):
        assert [(await anext(events))[0] for _ in range(3)] == ["status"] * 3


async def test_stopping_ends_the_streams_and_does_not_wait_for_viewers(
    suite: FakeSuite, memory_broker: MemoryBroker, tmp_path: Path
) -> None:
    options = {"drain_seconds": 60}  # so long the server would wait
    async with create_client() as client, asyncio.timeout(30):
        async with opened_console(suite, memory_broker, tmp_path, **options) as console:
            url = f"{console.url}/api/v1/events"
            request = client.build_request("GET", url, headers=console.admin.headers)
            response = await client.send(request, stream=True)
        text = (await response.aread()).decode()
    assert "event: status" in text


async def test_without_redis_the_page_works_and_says_that_it_is_stale(
    suite: FakeSuite, tmp_path: Path
) -> None:
    client = create_redis(RedisOptions(url="redis://127.0.0.1:1/0"), "test")
    nowhere = RedisBroker(client, partitions=2)
    async with opened_console(suite, nowhere, tmp_path) as console:
        http, service = console.client, console.service
        await wait_until(lambda: service.hub.status_data()["stale_since"] is not None)
        status = (await http.get("/api/v1/live")).json()["status"]
        assert "Redis cannot be reached" in status["reason"]
        assert (await http.get("/")).status_code == 200
        assert (await http.get("/health")).json()["status"] == "healthy"
        assert (await http.get("/ready")).status_code == 503
        system = (await http.get("/api/v1/system")).json()["items"]
        assert system[0]["state"] == "not_ready"
        assert system[0]["checks"]["redis"]["ok"] is False
    await nowhere.close()
