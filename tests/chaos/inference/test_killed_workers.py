"""Promise 1: workers killed at any instant neither lose nor double a frame.

Real worker processes on a real Redis, killed with -9 while they hold frames; every kill waits until
the victim does. In the end each frame has one score, or lies in one gap.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audio import speech_like_pcm
from tests.support.fleet import Fleet, at_work
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

Seconds = Counter[tuple[str, int]]


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

    fleet_at_work = at_work(
        redis_url,
        tmp_path,
        workers=WORKERS,
        partitions=PARTITIONS,
        fake_batch_seconds=0.1,
        max_batch=16,
        claim_idle_seconds=1,
    )
    async with fleet_at_work as fleet, asyncio.timeout(100):
        for _ in range(KILLS):
            await traffic.send(FRAME_COUNT // KILLS)
            await kill_one_that_holds_frames(client, fleet)
            fleet.start()
        await wait_until(all_settled, timeout_seconds=60)
    scored, missing = await answers(broker)
    assert traffic.published.total() == FRAME_COUNT
    assert scored + missing == traffic.published
