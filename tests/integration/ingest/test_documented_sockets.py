"""What the page about WebSockets tells people to run and to write works as it stands."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.integration.ingest.calls import ended, has_open, tracks
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.nginx import http_nginx
from tests.support.pages import both, code, commands
from tests.support.public_door import public_door
from tests.support.running import running
from tests.support.shell import Shell
from tests.support.sockets import (
    TwilioCall,
    backwards,
    encode_mulaw,
    every_second_sample,
    heard,
    interleaved,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Speaker

PAGE = both("ways-in/websocket.md")
SPEECH = speech_like_pcm(1)


@pytest.fixture
def make_source(
    page: Path, broker: RedisBroker, ffmpeg: str, tmp_path: Path
) -> Callable[[str], Any]:
    """Makes the source of the page with the page's own command."""
    (command,) = commands(page)

    async def make(base: str) -> Any:
        async with public_door(broker, tmp_path / "console", ingest_url=base) as door:
            return await Shell(tmp_path, ffmpeg).through(door).run(command)

    return make


@PAGE
async def test_the_sender_in_python_sends_a_file(
    page: Path,
    make_source: Callable[[str], Any],
    make_ingest: MakeIngest,
    broker: RedisBroker,
    tmp_path: Path,
) -> None:
    program, reader = tmp_path / "send.py", Reader(broker)
    program.write_text(code(page, "python"))
    path = write_wav(tmp_path / "call.wav", SPEECH)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await make_source(base)
        change = {"channels": "mixed"}  # the file of this test has one channel
        await client.patch(f"/v1/sources/{source['id']}", json=change)
        url = source["publish_url"].replace("ws://127.0.0.1:8080", base.replace("http", "ws"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), url, str(path), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        await wait_until(lambda: ended(reader))
    assert process.returncode == 0
    assert b'"type":"started"' in said
    assert await tracks(reader) == {Speaker.MIXED: SPEECH}
    assert (await ended(reader))[0].labels == {"queue": "vip", "agent_id": "1042"}


@PAGE
async def test_the_document_for_twilio_names_the_place_and_the_key(
    page: Path, make_source: Callable[[str], Any], make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await make_source(base)
        document = code(page, "xml").replace('"KEY"', f'"{source["stream_key"]}"')
        (stream,) = ET.fromstring(document).iter("Stream")  # noqa: S314 - our own page
        told = {each.attrib["name"]: each.attrib["value"] for each in stream}
        assert stream.attrib["track"] == "both_tracks"
        async with websocket(base, urlsplit(stream.attrib["url"]).path) as socket:
            await _a_twilio_call(TwilioCall(socket), told, client, source["id"])
        await wait_until(lambda: ended(reader))
    (event,) = await ended(reader)
    assert event.labels == {"queue": "vip", "agent_id": "1042", "call_sid": "CA1"}
    assert set(await tracks(reader)) == {Speaker.CUSTOMER, Speaker.AGENT}


async def _a_twilio_call(
    call: TwilioCall, parameters: Mapping[str, str], client: AsyncClient, source_id: str
) -> None:
    await call.start(parameters)
    coded = encode_mulaw(every_second_sample(SPEECH))
    for number in range(50):
        piece = coded[160 * number : 160 * (number + 1)]
        for side in ("inbound", "outbound"):
            await call.media(side, 20 * number, piece)
    await wait_until(lambda: has_open(client, source_id, 1))
    await call.stop()


@PAGE
async def test_the_command_of_freeswitch_says_how_its_audio_comes(
    page: Path, make_source: Callable[[str], Any], make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    _, _, _, url, mix, rate = code(page, "text").split()
    assert (mix, rate) == ("stereo", "16k")
    async with running(make_ingest()) as base:
        source = await make_source(base)
        path = url.removeprefix("wss://HOST").replace("KEY", source["stream_key"])
        async with websocket(base, path) as socket:
            await socket.send(interleaved(SPEECH, backwards(SPEECH)))
            assert (await heard(socket))["type"] == "started"
        await wait_until(lambda: ended(reader))
    assert await tracks(reader) == {Speaker.CUSTOMER: SPEECH, Speaker.AGENT: backwards(SPEECH)}
    assert (await ended(reader))[0].labels == {"queue": "vip", "agent_id": "1042"}


@PAGE
async def test_the_proxy_lets_sockets_through_and_nothing_else(
    page: Path,
    make_source: Callable[[str], Any],
    make_ingest: MakeIngest,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    port, location = free_port(), code(page, "nginx")
    async with running(make_ingest()) as base:
        source = await make_source(base)
        assert "http://127.0.0.1:8080;" in location
        inner = location.replace("http://127.0.0.1:8080", base)
        server = f"server {{ listen 127.0.0.1:{port};\n{inner}}}"
        async with (
            http_nginx(tmp_path, server, port) as outside,
            create_client(base_url=outside) as client,
        ):
            for path in ("/v1/sources", "/v1/audit", "/internal/rtmp/on_publish", "/metrics"):
                assert (await client.get(path)).status_code == 404
            async with websocket(outside, f"/v1/ws/pcm?key={source['stream_key']}") as socket:
                await socket.send(json.dumps({"type": "hello", "rate_hz": 16_000}))
                error = await heard(socket)
    # it came through: the source has two channels, and this hello has one
    assert error["type"] == "error"
    assert "channel" in error["message"]
