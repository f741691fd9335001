"""Asterisk's AudioSocket over TCP."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest

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
from tests.support.sockets import AsteriskCall, audiosocket_frame, every_second_sample
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState, Speaker

SPEECH = speech_like_pcm(2)
HANGUP = audiosocket_frame(0x00)


@pytest.mark.parametrize(("kind", "rate_hz"), [(0x10, 8000), (0x12, 16_000)])
async def test_a_file_becomes_frames(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path, kind: int, rate_hz: int
) -> None:
    pcm = every_second_sample(SPEECH) if rate_hz == 8000 else SPEECH
    path, reader = write_wav(tmp_path / "call.wav", pcm, rate_hz), Reader(broker)
    service = make_ingest(audiosocket_port=0)
    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client, "audiosocket", labels={"queue": "vip"})
        key = source["stream_key"]
        assert str(UUID(key)) == key
        assert source["publish_url"] == f"audiosocket://127.0.0.1:9092/{key}"
        call = await AsteriskCall.dial(service.audiosocket.port, key)
        await call.audio(file_pcm(path), kind)
        await wait_until(lambda: has_open(client, source["id"], 1))
        await call.send(audiosocket_frame(0x03, b"5") + HANGUP)
        assert await call.answered() == b""
        await call.close()
        await wait_until(lambda: ended(reader))
    made = await tracks(reader)
    assert len(made[Speaker.MIXED]) == len(SPEECH)
    assert likeness(made[Speaker.MIXED], SPEECH) > 0.9
    (event,) = await ended(reader)
    assert (event.reason, event.kind, event.labels) == (
        *("Asterisk hung up", "audiosocket", {"queue": "vip"}),
    )


async def test_calls_run_side_by_side_and_break_by_themselves(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, service = Reader(broker), make_ingest(audiosocket_port=0, stall_seconds=2.5)
    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client, "audiosocket")
        key, port = source["stream_key"], service.audiosocket.port
        breaks, stalls, babbles = [await AsteriskCall.dial(port, key) for _ in range(3)]
        for call in (breaks, stalls, babbles):
            await call.audio(SPEECH[:32_000], 0x12)
        await wait_until(lambda: has_frames(reader, 3))
        await babbles.send(audiosocket_frame(0x99))
        assert await babbles.answered() == HANGUP
        breaks.writer.transport.abort()
        assert await stalls.answered() == HANGUP
        await wait_until(lambda: is_idle(client, source["id"]))
        view = await shown(client, source["id"])
        for call in (stalls, babbles):
            await call.close()
        await wait_until(lambda: ended(reader, 3))
    assert view["reason"] == "no audio for 2.5 s"
    assert view["quality"] == "good", "one stalled, and one may have been lost"
    reasons = {event.reason for event in await ended(reader, 3)}
    assert "there is no AudioSocket frame of kind 0x99" in reasons
    assert "no audio for 2.5 s" in reasons
    assert reasons & {"the connection was lost", "the sender closed the connection"}


async def test_only_a_uuid_of_a_source_is_taken(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    service = make_ingest(audiosocket_port=0, hello_seconds=0.3)
    async with running(service) as base, create_client(base_url=base) as client:
        await add(client, "audiosocket")
        port = service.audiosocket.port
        stranger = await AsteriskCall.dial(port, str(uuid4()))
        assert await stranger.answered() == HANGUP
        browser = AsteriskCall(*await asyncio.open_connection("127.0.0.1", port))
        await browser.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await browser.answered() == HANGUP
        silent = AsteriskCall(*await asyncio.open_connection("127.0.0.1", port))
        assert await silent.answered() == HANGUP
        for call in (stranger, browser, silent):
            await call.close()
    assert await Reader(broker).sessions(SessionState.STARTED) == []


async def test_a_new_key_is_a_uuid_again_and_the_old_one_is_hung_up(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, service = Reader(broker), make_ingest(audiosocket_port=0)
    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client, "audiosocket")
        url = f"/v1/sources/{source['id']}"
        call = await AsteriskCall.dial(service.audiosocket.port, source["stream_key"])
        await call.audio(SPEECH, 0x12)
        await wait_until(lambda: has_open(client, source["id"], 1))
        rotated = (await client.post(f"{url}/rotate-key")).json()
        assert UUID(rotated["stream_key"]) != UUID(source["stream_key"])
        assert await call.answered() == HANGUP
        await call.close()
        refusal = await client.patch(url, json={"channels": SPLIT})
        assert refusal.status_code == 400
        assert "AudioSocket carries one channel" in refusal.text
        await wait_until(lambda: ended(reader))
    assert (await ended(reader))[0].reason == "the stream key was changed"


async def test_a_stop_ends_the_calls(make_ingest: MakeIngest, broker: RedisBroker) -> None:
    reader, service = Reader(broker), make_ingest(audiosocket_port=0, hello_seconds=60)
    async with running(service) as base, create_client(base_url=base) as client:
        source = await add(client, "audiosocket")
        call = await AsteriskCall.dial(service.audiosocket.port, source["stream_key"])
        await call.audio(SPEECH, 0x12)
        await wait_until(lambda: has_frames(reader, 1))
        silent = AsteriskCall(*await asyncio.open_connection("127.0.0.1", service.audiosocket.port))
        await wait_until(lambda: _sockets(client, 2))
    for each in (call, silent):
        assert await each.answered() == HANGUP
        await each.close()
    (event,) = await ended(reader)
    assert (event.reason, event.frames) == ("ingest was stopped", 2)
    assert await tracks(reader) == {Speaker.MIXED: SPEECH}


async def _sockets(client: AsyncClient, number: int) -> bool:
    return f"tonewatch_socket_connections {number:.1f}" in (await client.get("/metrics")).text


async def test_it_is_off_unless_a_port_is_set_and_a_taken_port_is_named(
    make_ingest: MakeIngest,
) -> None:
    service = make_ingest()
    async with running(service):
        assert service.audiosocket.port == 0
    taken = make_ingest(audiosocket_port=0)
    async with running(taken):
        port = taken.audiosocket.port
        with pytest.raises(ConfigurationError, match=f"AudioSocket on 127.0.0.1:{port}"):
            async with running(make_ingest(audiosocket_port=port)):
                pass
