"""Promise 1: workers killed at any instant neither lose nor double a frame.

Real worker processes on a real Redis, killed with -9 while they hold frames; every kill waits until
the victim does. In the end each frame has one score, or lies in one gap.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.audio import speech_like_pcm
from tests.support.messages import make_frame
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import FRAME_BYTES, Gap, Score
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import FRAMES, SCORES

FRAME_COUNT = 2_000
TRACKS = 40
KILLS = 20
WORKERS = 3
PARTITIONS = 4
HISTORY = 3
NURSERY = Path(__file__).with_name("nursery.py")

Seconds = Counter[tuple[str, int]]


class Fleet:
    """Worker processes; a killed one is replaced at once."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        environment = {
            **os.environ,
            "TONEWATCH_REDIS__URL": redis_url,
            "TONEWATCH_PARTITIONS": str(PARTITIONS),
            "TONEWATCH_DATA_DIR": str(folder),
            "TONEWATCH_LOG__LEVEL": "warning",
            "TONEWATCH_INFERENCE__PORT": "0",
            "TONEWATCH_INFERENCE__ENGINE": "fake",
            "TONEWATCH_INFERENCE__FAKE_BATCH_SECONDS": "0.1",
            "TONEWATCH_INFERENCE__MAX_BATCH": "16",
            "TONEWATCH_INFERENCE__CLAIM_IDLE_SECONDS": "1",
            "TONEWATCH_INFERENCE__MAX_DELIVERIES": "25",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._nursery = subprocess.Popen(
            [sys.executable, str(NURSERY)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.living: set[int] = set()

    def start(self) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("\n")
        self._nursery.stdin.flush()
        self.living.add(int(self._nursery.stdout.readline()))

    def kill(self, process_id: int) -> None:
        os.kill(process_id, signal.SIGKILL)
        self.living.remove(process_id)

    async def stop(self) -> None:
        for process_id in self.living:
            os.kill(process_id, signal.SIGTERM)
        await wait_until(lambda: not any(map(runs, self.living)), timeout_seconds=30)
        self._nursery.communicate(timeout=10)


def runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def at_work(redis_url: str, folder: Path) -> AsyncIterator[Fleet]:
    """A fleet that is stopped at the end, whatever happens."""
    fleet = Fleet(redis_url, folder)
    try:
        for _ in range(WORKERS):
            fleet.start()
        yield fleet
    finally:
        await fleet.stop()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    made = create_redis(RedisOptions(url=redis_url), "test-chaos")
    yield made
    await made.aclose()


class Traffic:
    """Publishes frames of many tracks, each naming the entries before it."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._pcm = speech_like_pcm(1)[:FRAME_BYTES]
        self._history: dict[str, tuple[str, ...]] = {}
        self.published: Seconds = Counter()

    async def send(self, frames: int) -> None:
        for _ in range(frames):
            number = self.published.total()
            session, seq = f"call-{number % TRACKS}", number // TRACKS
            history = self._history.get(session, ())
            frame = make_frame(seq, session, history=history)
            (entry,) = await self._broker.publish([Outgoing(FRAMES, frame, {"pcm": self._pcm})])
            self._history[session] = (*history, entry)[-HISTORY:]
            self.published[session, seq] += 1


async def holders(client: Any) -> dict[int, int]:
    """How many frames each consumer process holds."""
    held: Counter[int] = Counter()
    for partition in range(PARTITIONS):
        for consumer in await client.xinfo_consumers(FRAMES.key(partition), "inference"):
            process_id = int(consumer["name"].decode().split("-")[-2])
            held[process_id] += consumer["pending"]
    return held


async def answers(broker: RedisBroker) -> tuple[Seconds, Seconds]:
    """All seconds with a score, and all seconds inside a gap, as they lie in the scores stream."""
    scored: Seconds = Counter()
    missing: Seconds = Counter()
    start = dict.fromkeys(range(PARTITIONS), "0-0")
    for seen in await broker.tail(SCORES, start, count=10 * FRAME_COUNT, block=None):
        message = decode(SCORES, seen.entry)
        if isinstance(message, Score):
            scored[message.session_id, message.seq] += 1
        elif isinstance(message, Gap):
            for seq in range(message.first_seq, message.last_seq + 1):
                missing[message.session_id, seq] += 1
    return scored, missing


async def kill_one_that_holds_frames(client: Any, fleet: Fleet) -> None:
    """Wait until a living worker holds frames, and kill it in that moment."""
    while True:
        held = await holders(client)
        for process_id in fleet.living:
            if held.get(process_id):
                fleet.kill(process_id)
                return
        await asyncio.sleep(0.005)


async def test_twenty_kills_neither_lose_nor_double_a_frame(
    redis_url: str, client: Any, tmp_path: Path
) -> None:
    broker = RedisBroker(client, partitions=PARTITIONS)
    await broker.setup([FRAMES, SCORES])
    traffic = Traffic(broker)

    async def all_settled() -> bool:
        states = await broker.group_states(FRAMES)
        return all(state.oldest_unsettled_ms is None for state in states)

    async with at_work(redis_url, tmp_path) as fleet, asyncio.timeout(100):
        for _ in range(KILLS):
            await traffic.send(FRAME_COUNT // KILLS)
            await kill_one_that_holds_frames(client, fleet)
            fleet.start()
        await wait_until(all_settled, timeout_seconds=60)
    scored, missing = await answers(broker)
    assert traffic.published.total() == FRAME_COUNT
    assert scored + missing == traffic.published
