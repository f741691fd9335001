"""Three workers under a steady load, one killed with -9 every three seconds, down to the database.

A part of a minute in the usual run; TONEWATCH_CHAOS_SECONDS=60 makes it a whole one.
"""

import asyncio
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.audio import speech_like_pcm
from tests.support.fleet import at_work
from tests.support.messages import make_frame
from tests.support.redis_server import connect
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import FRAME_BYTES, Score
from tonewatch.shared.streams import FRAMES, SCORES, STREAMS

SECONDS = int(os.environ.get("TONEWATCH_CHAOS_SECONDS", "15"))
FRAMES_PER_SECOND = 300
TRACKS = 300
TICKS_PER_SECOND = 30
KILL_EVERY_SECONDS = 3
PARTITIONS = 8
HISTORY = 3
PCM = speech_like_pcm(1)[:FRAME_BYTES]


@asynccontextmanager
async def storage(redis_url: str, folder: Path) -> AsyncIterator[Path]:
    settings = {
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_PARTITIONS": str(PARTITIONS),
        "TONEWATCH_DATA_DIR": str(folder),
        "TONEWATCH_STORAGE__PORT": "0",
        "TONEWATCH_LOG__LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tonewatch.storage.main", "run", env={**os.environ, **settings}
    )
    try:
        yield folder / "tonewatch.db"
    finally:
        process.terminate()
        await process.wait()


async def publish(broker: RedisBroker, sent_ms: dict[tuple[str, int], float]) -> None:
    """Every track a frame a second, evenly; at most as long as it should take, and no faster."""
    histories: dict[int, tuple[str, ...]] = {}
    each = FRAMES_PER_SECOND // TICKS_PER_SECOND
    started = time.monotonic()
    for tick in range(SECONDS * TICKS_PER_SECOND):
        numbers = [tick * each + offset for offset in range(each)]
        tracks = [number % TRACKS for number in numbers]
        frames = [
            make_frame(number // TRACKS, f"call-{track}", history=histories.get(track, ()))
            for number, track in zip(numbers, tracks, strict=True)
        ]
        sent_ms.update({(frame.session_id, frame.seq): 1000 * time.time() for frame in frames})
        ids = await broker.publish([Outgoing(FRAMES, frame, {"pcm": PCM}) for frame in frames])
        for track, entry_id in zip(tracks, ids, strict=True):
            histories[track] = (*histories.get(track, ()), entry_id)[-HISTORY:]
        due = started + (tick + 1) / TICKS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def stored(database: Path) -> Counter[tuple[str, int]]:
    """How often each second lies in the database, as a record or inside a gap."""
    found: Counter[tuple[str, int]] = Counter()
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for session, seq in connection.execute("SELECT session_id, seq FROM emotion_records"):
            found[session, seq] += 1
        for session, first, last in connection.execute(
            "SELECT session_id, first_seq, last_seq FROM gaps"
        ):
            found.update((session, seq) for seq in range(first, last + 1))
    return found


async def score_delays_ms(
    broker: RedisBroker, sent_ms: dict[tuple[str, int], float]
) -> list[float]:
    """From before the frame was published to when its score was, sorted."""
    start = dict.fromkeys(range(PARTITIONS), "0-0")
    delays = []
    for seen in await broker.tail(SCORES, start, count=len(sent_ms) + 1, block=None):
        message = decode(SCORES, seen.entry)
        if isinstance(message, Score):
            delays.append(seen.entry.published_ms - sent_ms[message.session_id, message.seq])
    return sorted(delays)


async def test_a_kill_every_three_seconds_loses_and_doubles_nothing(
    redis_url: str, tmp_path: Path
) -> None:
    broker = connect(redis_url, PARTITIONS)
    await broker.setup(STREAMS)
    sent_ms: dict[tuple[str, int], float] = {}
    workers = at_work(
        redis_url,
        tmp_path,
        workers=3,
        partitions=PARTITIONS,
        fake_batch_seconds=0.02,
        hop_after_seconds=30,
    )
    async with storage(redis_url, tmp_path) as database, workers as fleet:
        publishing = asyncio.create_task(publish(broker, sent_ms))
        kills = 0
        while not publishing.done():
            await asyncio.wait({publishing}, timeout=KILL_EVERY_SECONDS)
            if not publishing.done():
                fleet.kill(next(iter(fleet.living)))
                fleet.start()
                kills += 1
        await publishing

        async def all_settled() -> bool:
            frames = await broker.group_states(FRAMES)
            scores = await broker.group_states(SCORES)
            ours = [*frames, *(state for state in scores if state.group == "storage")]
            return all(state.oldest_unsettled_ms is None for state in ours)

        await wait_until(all_settled, timeout_seconds=60)
        found = stored(database)
    delays_ms = await score_delays_ms(broker, sent_ms)
    await broker.close()
    print(  # noqa: T201 - shown with -s
        f"{len(sent_ms)} frames, {kills} kills; frame to score p50"
        f" {delays_ms[len(delays_ms) // 2]:.0f} ms, p95 {delays_ms[len(delays_ms) * 95 // 100]:.0f}"
        f" ms, longest {delays_ms[-1]:.0f} ms"
    )
    assert kills >= SECONDS // KILL_EVERY_SECONDS - 1
    assert len(sent_ms) == SECONDS * FRAMES_PER_SECOND
    assert found == Counter(dict.fromkeys(sent_ms, 1))
    assert len(delays_ms) == len(sent_ms)
    assert delays_ms[-1] < 10_000, "a dead worker's frames are claimed within ten seconds"
