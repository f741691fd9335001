"""The generic WebSocket protocol, from a file to frames on the broker, and its bounds."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.ingest.calls import (
    SPLIT,
    add,
    ended,
    file_pcm,
    has_frames,
    has_open,
    is_idle,
    likeness,
    shown,
    tracks,
)
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.running import running
from tests.support.sockets import (
    backwards,
    closing,
    heard,
    hello,
    interleaved,
    pieces,
    say,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import SessionState, Speaker

PCM = "/v1/ws/pcm"
SECOND = speech_like_pcm(1)


async def test_a_file_becomes_frames_byte_by_byte(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    reader, sent = Reader(broker), file_pcm(write_wav(tmp_path / "call.wav", speech_like_pcm(2.5)))
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, labels={"queue": "vip"}, permitted_labels=["agent_id", "key"])
        assert source["publish_url"].endswith(f"/v1/ws/pcm?key={source['stream_key']}")
        labels = {"agent_id": "1042", "queue": "other", "key": "no label"}
        async with websocket(base, PCM) as socket:
            await say(socket, hello(key=source["stream_key"], labels=labels))
            started = await heard(socket)
            for piece in pieces(sent, 3201):
                await socket.send(piece)
            await wait_until(lambda: has_open(client, source["id"], 1))
            assert (await shown(client, source["id"]))["session_id"] == started["session_id"]
            await say(socket, {"type": "end"})
            assert await closing(socket) == (1000, "the sender ended the stream")
        await wait_until(lambda: is_idle(client, source["id"]))
        view = await shown(client, source["id"])
        listed = (await client.get("/v1/sources")).text
    assert (view["reason"], view["open_sessions"], view["reconnects"]) == (
        *("the sender ended the stream", 0, 0),
    )
    (event,) = await ended(reader)
    assert (event.session_id, event.frames, event.kind) == (started["session_id"], 3, "websocket")
    assert event.labels == {"queue": "vip", "agent_id": "1042"}
    assert await tracks(reader) == {Speaker.MIXED: sent}
    assert source["stream_key"] not in listed


async def test_two_channels_at_48_khz_become_two_tracks_in_step(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, left = Reader(broker), speech_like_pcm(2)
    right = backwards(left)
    thrice = b"".join(3 * frame for frame in pieces(interleaved(left, right), 4))
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, f"{PCM}?key={source['stream_key']}") as socket:
            await say(socket, hello(rate_hz=48_000, channels=2, layout=SPLIT))
            for piece in pieces(thrice, 30_001):
                await socket.send(piece)
            await say(socket, {"type": "end"})
            await closing(socket)
        await wait_until(lambda: ended(reader))
    made = await tracks(reader)
    assert {speaker: len(pcm) for speaker, pcm in made.items()} == {
        Speaker.CUSTOMER: len(left),
        Speaker.AGENT: len(right),
    }
    assert likeness(made[Speaker.CUSTOMER], left) > 0.95
    assert likeness(made[Speaker.AGENT], right) > 0.95


async def test_who_is_not_monitored_leaves_nothing_behind(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, other = Reader(broker), backwards(SECOND)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, channels=SPLIT, policy={"agent": "off"})
        headers = {"Authorization": f"Bearer {source['stream_key']}"}
        async with websocket(base, PCM, headers) as socket:
            await say(socket, hello(channels=2))
            await socket.send(interleaved(SECOND, other))
            await say(socket, {"type": "end"})
            await closing(socket)
        await wait_until(lambda: ended(reader))
    assert await tracks(reader) == {Speaker.CUSTOMER: SECOND}
    (event,) = await ended(reader)
    assert event.speakers == (Speaker.CUSTOMER,)


async def test_without_the_key_of_a_websocket_source_nothing_is_taken(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        await add(client)
        others = [(await add(client, kind))["stream_key"] for kind in ("rtmp", "audiosocket")]
        wrong = [(key, "no source") for key in ("guess", *others)]
        for key, words in (*wrong, (None, "no key")):
            async with websocket(base, PCM) as socket:
                await say(socket, hello(key=key))
                error = await heard(socket)
                assert error["type"] == "error"
                assert words in error["message"]
                code, reason = await closing(socket)
                assert (code, reason) == (1008, error["message"])
        # and the other way round: who may send over a socket may not push over RTMP
        socket_key = (await add(client))["stream_key"]
        call = {"call": "publish", "name": socket_key, "clientid": "7"}
        assert (await client.post("/internal/rtmp/on_publish", data=call)).status_code == 403
    assert await Reader(broker).sessions(SessionState.STARTED) == []


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ('{"type": "hello"', "hello: Invalid JSON"),
        ('{"type": "hello", "rate_hz": 11025}', "hello.rate_hz"),
        (b"\0\0", "the first message must be the hello"),
        ('{"type": "hello", "rate_hz": 8000, "layout": "left=agent,right=customer"}', "channels"),
    ],
)
async def test_a_bad_hello_is_answered_with_the_reason(
    make_ingest: MakeIngest, first: str | bytes, words: str
) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, f"{PCM}?key={source['stream_key']}") as socket:
            await socket.send(first)
            assert words in (await heard(socket))["message"]
            assert (await closing(socket))[0] == 1007
        await wait_until(lambda: is_idle(client, source["id"]))


async def test_a_sender_that_says_nothing_or_next_to_nothing_is_left(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, service = Reader(broker), make_ingest(hello_seconds=2, stall_seconds=2)

    async def trickle(socket: Any) -> None:
        while True:
            await socket.send(b"\0")
            await asyncio.sleep(0.02)

    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, PCM) as socket:
            code, reason = await closing(socket)
            assert (code, reason) == (1008, "nothing said whose audio this is within 2 s")
        for patient in (False, True):
            async with websocket(base, f"{PCM}?key={source['stream_key']}") as socket:
                await say(socket, hello())
                await socket.send(SECOND)
                drip = asyncio.create_task(trickle(socket)) if patient else None
                assert await closing(socket) == (1008, "no audio for 2 s")
                if drip is not None:
                    await asyncio.gather(drip, return_exceptions=True)
        await wait_until(lambda: ended(reader, 2))
    assert {event.reason for event in await ended(reader, 2)} == {"no audio for 2 s"}


async def test_a_broken_connection_ends_only_its_own_session(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        url = f"{PCM}?key={source['stream_key']}"
        async with (
            websocket(base, url) as stays,
            websocket(base, url) as breaks,
            websocket(base, url) as babbles,
        ):
            for socket in (stays, breaks, babbles):
                await say(socket, hello())
                await socket.send(SECOND)
            await wait_until(lambda: has_open(client, source["id"], 3))
            breaks.transport.abort()
            await wait_until(lambda: has_open(client, source["id"], 2))
            await babbles.send("what?")
            assert (await closing(babbles))[0] == 1007
            await wait_until(lambda: has_open(client, source["id"], 1))
            await stays.send(SECOND)
            await wait_until(lambda: has_frames(reader, 4))
            before = await shown(client, source["id"])
            await stays.close()
        await wait_until(lambda: ended(reader, 3))
        view = await shown(client, source["id"])
    assert before["quality"] == view["quality"] == "good", "one connection was lost"
    reasons = [event.reason or "" for event in await ended(reader, 3)]
    assert reasons[0] == "the connection was lost"
    assert "Invalid JSON" in reasons[1]
    assert reasons[2] == "the sender closed the connection"


async def test_who_watches_sees_each_call_come_and_go(make_ingest: MakeIngest) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        cursor = (await client.get("/v1/sources")).json()["cursor"]
        url = f"{PCM}?key={source['stream_key']}"
        async with websocket(base, url) as one, websocket(base, url) as two:
            for number, socket in enumerate((one, two), 1):
                await say(socket, hello())
                await socket.send(SECOND)
                await wait_until(partial(has_open, client, source["id"], number))
        await wait_until(lambda: is_idle(client, source["id"]))
        numbers = []
        watch = client.stream("GET", "/v1/sources/events", params={"after": cursor})
        async with asyncio.timeout(30), watch as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    event = json.loads(line.removeprefix("data: "))
                    numbers.append((event["state"], event["open_sessions"]))
                if numbers and numbers[-1][0] == "idle":
                    break
    assert numbers == [("connecting", 0), ("live", 1), ("live", 2), ("live", 1), ("idle", 0)]


async def test_a_message_that_is_too_large_ends_the_connection(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, f"{PCM}?key={source['stream_key']}") as socket:
            await say(socket, hello())
            await socket.send(SECOND)
            await wait_until(lambda: has_frames(reader, 1))
            await socket.send(bytes(256 * 1024 + 1))
            assert (await closing(socket))[0] == 1009
        await wait_until(lambda: ended(reader))
    assert "1009" in ((await ended(reader))[0].reason or "")


async def test_audio_faster_than_real_time_is_held_back(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, clock = Reader(broker), asyncio.get_running_loop().time
    async with (
        running(make_ingest(pull_ahead_seconds=1)) as base,
        create_client(base_url=base) as client,
    ):
        source = await add(client)
        async with websocket(base, f"{PCM}?key={source['stream_key']}") as socket:
            began = clock()
            await say(socket, hello())
            for piece in pieces(speech_like_pcm(3), 3200):
                await socket.send(piece)
            await say(socket, {"type": "end"})
            assert await closing(socket) == (1000, "the sender ended the stream")
            assert clock() - began > 1.8
        await wait_until(lambda: ended(reader))
    assert [event.frames for event in await ended(reader)] == [3]


async def test_connections_are_limited_by_source_and_in_all(make_ingest: MakeIngest) -> None:
    service = make_ingest(socket_connections=2, socket_connections_per_source=1)
    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client)
        url = f"{PCM}?key={source['stream_key']}"
        async with websocket(base, url) as first:
            await say(first, hello())
            await heard(first)
            async with websocket(base, url) as second:
                await say(second, hello())
                assert "1 connections, which is the limit" in (await heard(second))["message"]
                assert (await closing(second))[0] == 1013
            async with websocket(base, url):
                assert await refused(base, url) == 503
        metrics = (await client.get("/metrics")).text
    assert 'tonewatch_socket_refusals_total{reason="number"}' in metrics


async def test_too_many_connects_a_second_are_refused(make_ingest: MakeIngest) -> None:
    async with running(make_ingest(socket_connects_per_second=1)) as base:

        async def is_refused() -> bool:
            try:
                async with websocket(base, PCM):
                    return False
            except InvalidStatus as error:
                return error.response.status_code == 429

        await wait_until(is_refused, interval_seconds=0)
        # and after a while it is welcome again

        async def is_welcome() -> bool:
            return not await is_refused()

        await wait_until(is_welcome)


async def refused(base: str, url: str) -> int:
    """The HTTP status instead of a WebSocket."""
    with pytest.raises(InvalidStatus) as caught:
        async with websocket(base, url):
            pass
    return caught.value.response.status_code


@pytest.mark.parametrize("how", ["rotate", "change", "delete", "stop"])
async def test_sessions_end_in_order_when_they_have_to(
    make_ingest: MakeIngest, broker: RedisBroker, how: str
) -> None:
    reader = Reader(broker)
    async with create_client() as client:
        async with running(make_ingest()) as base:
            source = await add(client, base=base)
            url, path = f"{base}/v1/sources/{source['id']}", f"{PCM}?key={source['stream_key']}"
            opened = websocket(base, path)
            socket = await opened.__aenter__()
            await say(socket, hello())
            await socket.send(SECOND + SECOND[:8000])
            await wait_until(lambda: has_frames(reader, 1))
            if how == "rotate":
                await client.post(f"{url}/rotate-key")
            elif how == "change":
                await client.patch(url, json={"labels": {"a": "b"}})
            elif how == "delete":
                await client.delete(url)
        code, reason = await closing(socket)
        await opened.__aexit__(None, None, None)
    (event,) = await ended(reader)
    expected = {
        "rotate": "the stream key was changed",
        "change": "the source was changed",
        "delete": "the source was deleted",
        "stop": "ingest was stopped",
    }[how]
    assert (code, reason, event.reason, event.frames) == (1012, expected, expected, 2)
    assert await tracks(reader) == {Speaker.MIXED: SECOND + SECOND[:8000]}
