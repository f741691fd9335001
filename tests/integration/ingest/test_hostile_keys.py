"""Keys that would write log lines of their own, or break something: refused, and nowhere to read.

Ingest runs as a process here, so that its log is the one that an operator gets.
"""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.ingest.calls import add, ended, has_frames, shown
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer, wav
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.sockets import (
    AsteriskCall,
    TwilioCall,
    audiosocket_frame,
    closing,
    heard,
    hello,
    say,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, HTTPError, create_client

MARK = "s3cret"
FORGED = "2026-01-04T00:00:00Z [critical ] forged"
KEYS = {
    "newline": f"{MARK}\n{FORGED}",
    "carriage return": f"{MARK}\r\n{FORGED}",
    "json": f'{MARK}"}}\n{{"event": "forged"}}',
    "nul": f"{MARK}\0{MARK}",
    "escape": f"{MARK}\x1b[31m{MARK}",
    "quotes": f"{MARK}\"'`{MARK}",
    "long": MARK * 1707,
    "not ascii": f"{MARK}\u2028\u202e密钥",
}
URL_CHARACTERS = 4096
"""Longer ones are no business of ours: the WebSocket library reads none above 8 KB."""
LINE = {"json": re.compile(r"\{.*\}"), "console": re.compile(r"\d{4}-\d\d-\d\dT\S+Z \[\w+ *\] .*")}


class Process:
    """A running ingest, and its log."""

    def __init__(self, url: str, audiosocket_port: int, log: Path) -> None:
        self.url = url
        self.audiosocket_port = audiosocket_port
        self.log = log

    def lines(self) -> list[str]:
        """What it has logged, as a line-based reader sees it."""
        return self.log.read_text().splitlines(keepends=False)


StartIngest = Callable[[str], contextlib.AbstractAsyncContextManager[Process]]


@pytest.fixture
def started(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    tmp_path: Path,
    ffmpeg: str,
) -> StartIngest:
    """Starts ingest with a format of its log; it is stopped in order after the block."""

    @contextlib.asynccontextmanager
    async def start(log_format: str) -> AsyncIterator[Process]:
        port, audiosocket_port, log = free_port(), free_port(), tmp_path / "log"
        settings = {
            "TONEWATCH_REDIS__URL": redis_url,
            "TONEWATCH_PARTITIONS": str(broker.partitions),
            "TONEWATCH_DATA_DIR": str(tmp_path / "data"),
            "TONEWATCH_LOG__FORMAT": log_format,
            "TONEWATCH_LOG__LEVEL": "debug",
            "TONEWATCH_INGEST__PORT": str(port),
            "TONEWATCH_INGEST__AUDIOSOCKET_PORT": str(audiosocket_port),
            "TONEWATCH_INGEST__FFMPEG": ffmpeg,
            "TONEWATCH_INGEST__RETRY_MAX_SECONDS": "0.1",
            "TONEWATCH_INGEST__EGRESS": '{"allow": ["127.0.0.0/8"]}',
        }
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tonewatch.ingest.main", "run"),
                env={**os.environ, **settings},
                stderr=file,
            )
        made = Process(f"http://127.0.0.1:{port}", audiosocket_port, log)
        try:
            async with create_client(base_url=made.url) as client:
                await wait_until(lambda: is_ready(client), timeout_seconds=30)
            yield made
            process.terminate()
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


async def is_ready(client: AsyncClient) -> bool:
    try:
        return (await client.get("/ready")).is_success
    except HTTPError:
        return False


async def push(client: AsyncClient, key: str) -> None:
    """What nginx-rtmp and MediaMTX ask for somebody who pushes with the key."""
    for call in ({"name": key}, {"name": "camera", "key": key}):
        answer = await client.post(
            "/internal/rtmp/on_publish", data={"call": "publish", "clientid": "1", **call}
        )
        assert (answer.status_code, MARK in answer.text) == (403, False)
    for call in ({"password": key}, {"query": f"key={quote(key)}"}, {"path": f"live/{key}"}):
        question = {"action": "publish", "id": "1", **call}
        answer = await client.post("/internal/rtmp/auth", json=question)
        assert (answer.status_code, MARK in answer.text) == (403, False)


async def send(base: str, key: str) -> None:
    """Every way to say a key over a WebSocket."""
    async with websocket(base, "/v1/ws/pcm") as socket:
        await say(socket, hello(key=key))
        assert MARK not in (await heard(socket))["message"]
        assert (await closing(socket))[0] == 1008
    async with websocket(base, "/v1/ws/twilio") as socket:
        await TwilioCall(socket).start({"key": key})
        assert (await closing(socket))[0] == 1008
    async with websocket(base, "/v1/ws/freeswitch?rate=8000&channels=1") as socket:
        await say(socket, {"key": key})
        assert (await closing(socket))[0] == 1008
    async with websocket(base, f"/v1/ws/pcm?key={quote(key)[:URL_CHARACTERS]}") as socket:
        await say(socket, hello())
        assert (await closing(socket))[0] == 1008


async def dial(port: int, key: str) -> None:
    """A key that is no UUID, in a frame and in place of one."""
    said = key.encode()
    for first in (audiosocket_frame(0x01, said), said, audiosocket_frame(0x01, said[:16])):
        call = AsteriskCall(*await asyncio.open_connection("127.0.0.1", port))
        await call.send(first)
        assert await call.answered() == audiosocket_frame(0x00)
        await call.close()


async def ask(client: AsyncClient, key: str) -> None:
    """A key in place of an id, and of what belongs to a source."""
    for path in (f"/v1/sources/{quote(key)}", f"/v1/audio/{quote(key)}"):
        assert (await client.get(path)).status_code == 404
        assert (await client.delete(path)).status_code == 404
    url = f"rtmp://127.0.0.1:1/live/{key}"
    answer = await client.post("/v1/sources", json={"name": "x", "url": url})
    assert answer.status_code in (201, 400, 422)
    assert MARK not in answer.text


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_key_is_refused_and_writes_nothing_into_the_log(
    started: StartIngest, log_format: str
) -> None:
    async with started(log_format) as process, create_client(base_url=process.url) as client:
        for key in KEYS.values():
            await push(client, key)
            await send(process.url, key)
            await dial(process.audiosocket_port, key)
            await ask(client, key)
        good = await add(client)
        async with websocket(process.url, f"/v1/ws/pcm?key={good['stream_key']}") as socket:
            await say(socket, hello())
            assert (await heard(socket))["type"] == "started"
    lines = process.lines()
    assert len(lines) > len(KEYS)
    for line in lines:
        assert LINE[log_format].fullmatch(line), line
        assert MARK not in line
        assert good["stream_key"] not in line
        if log_format == "json":
            assert json.loads(line)["event"] != "forged"


async def test_what_ffmpeg_says_of_a_url_shows_no_password(
    started: StartIngest, free_port: Callable[[], int]
) -> None:
    async with (
        StreamServer() as server,
        started("json") as process,
        create_client(base_url=process.url) as client,
    ):
        server.bodies["/page"] = b"<html>no audio here</html>" * 200
        there, nobody = f"{MARK}:{MARK}@127.0.0.1:{server.port}", f"127.0.0.1:{free_port()}"
        urls = [
            f"http://{there}/nothing?token={MARK}",
            f"http://{there}/page?key={MARK}",
            f"rtmp://{nobody}/live/{MARK}",
            f"rtsp://{MARK}:{MARK}@{nobody}/line?password={MARK}",
        ]
        for url in urls:
            answer = await client.post("/v1/sources", json={"name": "line", "url": url})
            assert answer.status_code == 201, answer.text
        await wait_until(lambda: all_in_trouble(client))
        text = (await client.get("/v1/sources")).text
    assert MARK not in text
    assert MARK not in "\n".join(process.lines())


async def all_in_trouble(client: AsyncClient) -> bool:
    """Whether every pulled source has been tried, in vain."""
    items = (await client.get("/v1/sources")).json()["items"]
    return all(item["reason"] for item in items if item["kind"] == "pull")


@pytest.mark.parametrize("bad", ["two\nlines", "nul\0", "\x1b[31mred", "u\u2028"])
async def test_texts_of_more_than_a_line_are_refused(make_ingest: MakeIngest, bad: str) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        good = {"name": "line", "kind": "websocket"}
        for fields in ({"name": bad}, {"labels": {bad: "x"}}, {"labels": {"x": bad}}):
            answer = await client.post("/v1/sources", json=good | fields)
            assert answer.status_code == 422
            assert "control characters" in answer.json()["detail"]
        source = await add(client, name="张\u3000三")
        url = f"/v1/sources/{source['id']}"
        assert (await client.patch(url, json={"name": bad})).status_code == 422
        audio = {"file": ("call.wav", wav(speech_like_pcm(1)))}
        form = {"labels": json.dumps({"x": bad})}
        answer = await client.post("/v1/audio", files=audio, data=form)
        assert (answer.status_code, "control characters" in answer.text) == (400, True)
        answer = await client.post("/v1/audio", files=audio, data={"name": f"a{bad}b"})
        assert answer.json()["name"].isprintable()


@pytest.mark.parametrize("quoted", ['"', "'"])
async def test_a_url_says_its_quotes_in_percent(make_ingest: MakeIngest, quoted: str) -> None:
    """A quote would end what is hidden of a URL, and show the rest of a password."""
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        url = f"http://127.0.0.1:1/live?key=a{quoted}b"
        answer = await client.post("/v1/sources", json={"name": "line", "url": url})
        assert answer.status_code == 422
        assert "write quotes as %22 and %27" in answer.json()["detail"]


async def test_the_last_words_of_a_sender_are_one_line(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = await add(client)
        async with websocket(base, f"/v1/ws/pcm?key={source['stream_key']}") as socket:
            await say(socket, hello())
            await socket.send(speech_like_pcm(1))
            await wait_until(lambda: has_frames(reader, 1))
            await socket.close(4000, "bye\n\0\x1b[31m")
        await wait_until(lambda: ended(reader))
        view = await shown(client, source["id"])
    (event,) = await ended(reader)
    assert event.reason == view["reason"] == "the connection was closed with code 4000: bye   [31m"


async def test_an_rtmp_server_names_no_stream_that_is_no_name(make_ingest: MakeIngest) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        key = (await add(client, "rtmp"))["stream_key"]
        for name in ("a b", "a\0b", "a?token=x", "x" * 200):
            question = {"action": "publish", "id": "1", "path": f"live/{name}", "password": key}
            answer = await client.post("/internal/rtmp/auth", json=question)
            assert answer.status_code == 403
            assert "may hold letters" in answer.json()["detail"]
        call = {"call": "publish", "name": key, "clientid": "x" * 200}
        assert (await client.post("/internal/rtmp/on_publish", data=call)).status_code == 403
        # a file in place of the key
        file = {"key": ("key", key.encode())}
        answer = await client.post("/internal/rtmp/on_publish", files=file)
        assert answer.status_code == 403
