"""The balancer of the page about replicas works as it stands: HTTP, sockets, a dead replica."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.ingest.calls import add, shown
from tests.integration.ingest.streams import wav
from tests.integration.ingest.test_replicas import MakeReplica, has_replica, make_replica, replica
from tests.support.audio import speech_like_pcm
from tests.support.nginx import http_nginx
from tests.support.pages import both, code
from tests.support.sockets import closing, heard, hello, say, websocket
from tests.support.wait import wait_until
from tonewatch.shared.http import AsyncClient, create_client

__all__ = ["make_replica"]  # pytest finds the fixture here

SAID_OFTEN = 8
"""Requests enough that the balancer asks each replica."""


def before(page: Path, port: int, *replicas: str) -> str:
    """The page's block with the port of a test and the addresses of its replicas."""
    block = code(page, "nginx").replace("listen 8080", f"listen 127.0.0.1:{port}")
    for name, base in zip(("ingest:8080", "ingest-2:8080"), replicas, strict=True):
        assert f"server {name} " in block
        block = block.replace(f"server {name} ", f"server {base.removeprefix('http://')} ")
    return block


@asynccontextmanager
async def hanging_up(base: str) -> AsyncIterator[None]:
    """In a replica's place: takes a request, and dies of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    parts = urlsplit(base)
    async with await asyncio.start_server(serve, parts.hostname, parts.port):
        yield


@pytest.mark.parametrize("hangs_up", [False, True], ids=["refuses", "hangs up"])
@both("scaling.md")
async def test_the_balancer_serves_replicas_and_leaves_a_dead_one_out(
    page: Path,
    make_replica: MakeReplica,
    free_port: Callable[[], int],
    tmp_path: Path,
    hangs_up: bool,
) -> None:
    port = free_port()
    async with replica(make_replica) as (first, _), AsyncExitStack() as stack:
        second, _ = await stack.enter_async_context(replica(make_replica))
        block = before(page, port, first, second)
        async with (
            http_nginx(tmp_path, block, port) as base,
            create_client(base_url=base) as client,
        ):
            source = await add(client)
            for _ in range(SAID_OFTEN):
                await wait_until(lambda: has_replica(client, source["id"]))
            await _a_call(base, source["stream_key"])
            await _an_encoder_is_admitted(client)
            await _a_large_recording(client)
            await stack.aclose()
            async with hanging_up(second) if hangs_up else nullcontext():
                for _ in range(SAID_OFTEN):
                    await add(client)
                assert (await shown(client, source["id"]))["name"] == "line"


async def _a_call(base: str, key: str) -> None:
    async with websocket(base, "/v1/ws/pcm") as socket:
        await say(socket, hello(key=key))
        assert (await heard(socket))["type"] == "started"
        await socket.send(speech_like_pcm(1))
        await say(socket, {"type": "end"})
        assert (await closing(socket))[0] == 1000


async def _an_encoder_is_admitted(client: AsyncClient) -> None:
    """nginx-rtmp takes a Location without a host for the stream's new name."""
    key = (await add(client, "rtmp"))["stream_key"]
    form = {"call": "publish", "name": key, "clientid": "1"}
    answer = await client.post("/internal/rtmp/on_publish", data=form)
    assert answer.status_code == 302
    assert "/" not in answer.headers["location"]


async def _a_large_recording(client: AsyncClient) -> None:
    """Larger than nginx takes unless it is told."""
    files = {"file": ("call.wav", wav(bytes(32_000 * 60)))}
    assert (await client.post("/v1/audio", files=files)).status_code == 202
