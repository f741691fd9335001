"""Redis away, and ingest killed: frames are held, and what cannot be held is a gap."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.redis_server import redis_server
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared import redis_client
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Frame, SessionState
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import FRAMES, STREAMS


class FrozenRedis:
    """A Redis of this test alone, which can be frozen."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._process = process

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def own_redis() -> Iterator[FrozenRedis]:
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    with redis_server(folder) as (url, process):
        frozen = FrozenRedis(url, process)
        yield frozen
        frozen.thaw()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def own_broker(
    own_redis: FrozenRedis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RedisBroker]:
    """With short timeouts: an outage shows after 2 s, not after 8."""
    monkeypatch.setattr(redis_client, "SOCKET_TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(redis_client, "MAX_BLOCK", timedelta(seconds=0.5))
    client = create_redis(RedisOptions(url=own_redis.url), "test")
    made = RedisBroker(client, partitions=4)
    await made.setup(STREAMS)
    yield made
    await made.close()


@pytest.mark.parametrize("buffer_frames", [600, 5])
async def test_frames_are_held_while_redis_is_frozen_and_add_up_afterwards(
    make_ingest: MakeIngest,
    own_redis: FrozenRedis,
    own_broker: RedisBroker,
    stream_server: StreamServer,
    buffer_frames: int,
) -> None:
    stream_server.add_live("/before.wav", speech_like_pcm(4))
    hang_up = stream_server.add_live("/during.wav", speech_like_pcm(20))
    reader = Reader(own_broker)
    service = make_ingest(broker=own_broker, buffer_frames=buffer_frames, stall_seconds=60)
    async with running(service) as base, create_client(base_url=base) as client:
        await _add(client, stream_server.url("/before.wav"))
        await wait_until(lambda: _frames(reader, 3))
        own_redis.freeze()
        source_id = await _add(client, stream_server.url("/during.wav"))
        await wait_until(lambda: service._publisher.away, timeout_seconds=20)
        ready = await client.get("/ready")
        health = await client.get("/health")
        hang_up.set()
        await client.delete(f"/v1/sources/{source_id}")
        own_redis.thaw()
        await wait_until(lambda: reader.sessions(SessionState.ENDED, source_id))
    assert ready.status_code == 503
    assert "frames are held" in ready.json()["checks"]["buffer"]["detail"]
    assert health.status_code == 200
    frames = await reader.frames(source_id)
    total = (await reader.sessions(SessionState.ENDED, source_id))[0].frames
    lost = [n for gap in await reader.gaps() for n in range(gap.first_seq, gap.last_seq + 1)]
    assert total is not None
    assert total >= 18
    seen = Counter([frame.seq for frame in frames] + lost)
    assert sorted(seen) == list(range(total))
    # the client library may send the one round without an answer twice on its own
    assert sum(seen.values()) <= total + 1
    assert bool(lost) == (total > buffer_frames)
    rows = await reader.entries(FRAMES)
    ids = {m.seq: key for key, m, _ in rows if isinstance(m, Frame) and m.source_id == source_id}
    for frame in frames:
        before = range(max(0, frame.seq - 9), frame.seq)
        unbroken = [n for n in before if not any(n <= gone < frame.seq for gone in lost)]
        assert list(frame.history) == [ids[n] for n in unbroken]


async def _add(client: AsyncClient, url: str) -> str:
    made = await client.post("/v1/sources", json={"name": "line", "url": url})
    source_id: str = made.json()["id"]
    return source_id


async def test_sessions_that_a_killed_ingest_left_open_get_their_end(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer
) -> None:
    stream_server.add_live("/live.wav", speech_like_pcm(4))
    reader = Reader(broker)
    first = make_ingest()
    with contextlib.suppress(_KilledError):
        async with running(first) as base, create_client(base_url=base) as client:
            await _add(client, stream_server.url("/live.wav"))
            await wait_until(lambda: _frames(reader, 3))
            # as if the process were gone: nothing of what is left can reach the broker
            first._publisher._broker = _NoBroker()  # type: ignore[assignment]
            raise _KilledError
    assert await reader.sessions(SessionState.ENDED) == []
    stream_server.live["/live.wav"].set()
    async with running(make_ingest()):
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
    ended = (await reader.sessions(SessionState.ENDED))[0]
    left = [f for f in await reader.frames() if f.session_id == ended.session_id]
    assert ended.reason == "ingest was stopped without warning"
    assert ended.frames == len(left)


async def _frames(reader: Reader, least: int) -> bool:
    return len(await reader.frames()) >= least


class _KilledError(Exception):
    pass


class _NoBroker:
    partitions = 4

    async def publish(self, _messages: object) -> list[str]:
        raise asyncio.CancelledError
