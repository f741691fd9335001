"""FreeSWITCH's mod_audio_stream: bare L16, how it comes said in the URL or the metadata."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tests.integration.ingest.calls import (
    SPLIT,
    add,
    ended,
    file_pcm,
    has_open,
    likeness,
    tracks,
)
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.running import running
from tests.support.sockets import (
    backwards,
    closing,
    every_second_sample,
    heard,
    interleaved,
    pieces,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.ingest.sources import Source, SourceRepository
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import Speaker

FREESWITCH = "/v1/ws/freeswitch"
CALLER = speech_like_pcm(2)
CALLEE = backwards(CALLER)


async def test_a_mono_file_at_8_khz_with_all_in_the_url(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "call.wav", every_second_sample(CALLER), 8000)
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, permitted_labels=["agent_id"])
        url = f"{FREESWITCH}?key={source['stream_key']}&rate=8000&channels=1&agent_id=7"
        async with websocket(base, url) as socket:
            for piece in pieces(file_pcm(path), 320):
                await socket.send(piece)
            await wait_until(lambda: has_open(client, source["id"], 1))
            assert (await heard(socket))["type"] == "started"
        await wait_until(lambda: ended(reader))
    made = await tracks(reader)
    assert likeness(made[Speaker.MIXED], CALLER) > 0.9
    (event,) = await ended(reader)
    assert (event.reason, event.frames) == ("the sender closed the connection", 2)
    assert event.labels == {"agent_id": "7"}


async def test_stereo_with_the_key_in_the_metadata(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client, channels=SPLIT)
        async with websocket(base, f"{FREESWITCH}?rate=16000&channels=2") as socket:
            await socket.send(json.dumps({"key": source["stream_key"]}))
            for piece in pieces(interleaved(CALLER, CALLEE), 1280):
                await socket.send(piece)
            await socket.send("goodbye")
        await wait_until(lambda: ended(reader))
    assert await tracks(reader) == {Speaker.CUSTOMER: CALLER, Speaker.AGENT: CALLEE}


@pytest.mark.parametrize(
    ("query", "words"),
    [("rate=8000", "say in the URL how the audio comes"), ("rate=8000&channels=1", "no key came")],
)
async def test_what_is_missing_is_said(make_ingest: MakeIngest, query: str, words: str) -> None:
    async with running(make_ingest()) as base, websocket(base, f"{FREESWITCH}?{query}") as socket:
        await socket.send(bytes(320))
        assert words in (await heard(socket))["message"]
        assert (await closing(socket))[0] in (1007, 1008)


async def test_who_sends_all_and_leaves_before_it_is_welcomed_is_heard_to_the_end(
    make_ingest: MakeIngest, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it happens on a machine that takes its time to look the key up."""
    asked, gone, find = asyncio.Event(), asyncio.Event(), SourceRepository.by_key_hash

    async def late(repository: SourceRepository, key_hash: str) -> Source | None:
        asked.set()
        await gone.wait()
        return await find(repository, key_hash)

    monkeypatch.setattr(SourceRepository, "by_key_hash", late)
    monkeypatch.setattr(WebSocketsSansIOProtocol, "connection_lost", _telling(gone))
    reader, (first, *others) = Reader(broker), pieces(CALLER, 640)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        url = f"{FREESWITCH}?key={source['stream_key']}&rate=16000&channels=1"
        async with websocket(base, url) as socket:
            await socket.send(first)
            await asked.wait()
            # all at once, so that the end is seen as soon as the audio
            for piece in others:
                socket.protocol.send_binary(piece)
            socket.protocol.send_close(1000)
            socket.transport.write(b"".join(socket.protocol.data_to_send()))
            await gone.wait()
        await wait_until(lambda: ended(reader))
    assert await tracks(reader) == {Speaker.MIXED: CALLER}


def _telling(gone: asyncio.Event) -> Callable[..., None]:
    """uvicorn's own handling of a lost connection, and word of it."""
    own = WebSocketsSansIOProtocol.connection_lost

    def connection_lost(protocol: WebSocketsSansIOProtocol, error: Exception | None) -> None:
        own(protocol, error)
        gone.set()

    return connection_lost
