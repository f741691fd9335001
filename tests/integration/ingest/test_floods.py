"""Connects by the thousand from one address: answered or refused, and nobody else notices."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.integration.ingest.beside import IN_REAL_TIME, undisturbed
from tests.integration.ingest.calls import add, has_open
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.flood import flood
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.sockets import heard, hello, say
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client

MOST_BYTES = 48 * 2**20
"""By so much the process may grow; ten thousand connections kept would need several times that."""
LEAST_CONNECTS = 500
"""What a machine with much to do manages as well."""
PER_SECOND = 50
"""ingest.socket_connects_per_second, as it is by default."""

pytestmark = pytest.mark.timeout(120)


def resident_bytes() -> int:
    """How much memory this process uses, ingest in it."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """How many files and sockets it has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def call_from_elsewhere(client: AsyncClient, base: str) -> None:
    """A call from another address is taken, and heard."""
    source = await add(client)
    url = base.replace("http://", "ws://") + f"/v1/ws/pcm?key={source['stream_key']}"
    async with connect(url, proxy=None, local_addr=("127.0.0.9", 0)) as socket:
        await say(socket, hello())
        assert (await heard(socket))["type"] == "started"
        await socket.send(speech_like_pcm(1))
        await wait_until(lambda: has_open(client, source["id"], 1))


@pytest.mark.parametrize("kind", ["websocket", "audiosocket", "http"])
async def test_ten_thousand_connects_from_one_address_hurt_nobody_else(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer, kind: str
) -> None:
    service, reader = make_ingest(audiosocket_port=0, **IN_REAL_TIME), Reader(broker)
    clock = asyncio.get_running_loop().time
    async with running(service) as base, create_client(base_url=base) as client:
        async with undisturbed(client, stream_server, reader):
            port = (
                service.audiosocket.port if kind == "audiosocket" else int(base.rpartition(":")[2])
            )
            memory, files, began = resident_bytes(), descriptors(), clock()
            flooding = asyncio.create_task(flood(port, kind))
            await wait_until(lambda: descriptors() > files + 20)
            await call_from_elsewhere(client, base)
            outcomes = await flooding
            seconds = clock() - began
        assert resident_bytes() - memory < MOST_BYTES
        await wait_until(lambda: descriptors() < files + 20)
        metrics = (await client.get("/metrics")).text
    assert outcomes.total() >= LEAST_CONNECTS
    check(kind, outcomes, seconds)
    if kind != "http":
        assert 'tonewatch_socket_refusals_total{reason="rate"}' in metrics


def check(kind: str, outcomes: Counter[str], seconds: float) -> None:
    """Each connect got its answer, and no more than the rate were taken in."""
    expected = {"websocket": {"101", "429"}, "audiosocket": {"ended"}, "http": {"200"}}[kind]
    assert set(outcomes) <= expected
    assert outcomes["101"] <= PER_SECOND * (seconds + 1)
