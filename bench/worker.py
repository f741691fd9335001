"""What a worker costs around its model, and what becomes of frames when workers are killed.

Inference services as processes of their own with the fake engine, on one Redis:

- overhead: a flood through one worker; its CPU time per frame (fetch, window, publish,
  acknowledge), less the CPU time that the fake engine takes for a window, measured apart;
- kills: three workers with a batch cost of 20 ms under 300 frames/s, one killed with -9 every three
  seconds and replaced; frames lost, doubled, and how soon each had its score;
- claim: how long after a kill the frame that the dead worker held is scored by another;
- start: from the start of the process to /ready, with the built-in model and with none.
"""

import asyncio
import signal
import subprocess
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from support import stack
from support.figures import arguments, percentile, report
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.host import waveform
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import FRAME_SAMPLES, Frame, Gap, Score
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import FRAMES, SCORES, STREAMS

PARTITIONS = 16
FRAMES_PER_SECOND = 300
TRACKS = 300
TICKS_PER_SECOND = 30
KILL_EVERY_SECONDS = 3.0
HISTORY = 9
LIMIT_SECONDS = 120

Second = tuple[str, int]


def tone() -> bytes:
    """A second of audio, s16le."""
    phase = 2 * np.pi * 220 * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES
    return (0.3 * 32767 * np.sin(phase)).astype("<i2").tobytes()


@dataclass
class Traffic:
    """Frames of many tracks in turn, each with the history that windows need."""

    broker: RedisBroker
    prefix: str
    pcm: bytes = field(default_factory=tone)
    sent_ms: dict[Second, float] = field(default_factory=dict)
    _histories: dict[int, list[str]] = field(default_factory=dict)

    async def publish(self, count: int) -> None:
        """The next frames, in one round trip."""
        first = len(self.sent_ms)
        frames = [self._frame(number) for number in range(first, first + count)]
        now_ms = 1000 * time.time()
        self.sent_ms |= {(frame.session_id, frame.seq): now_ms for frame in frames}
        ids = await self.broker.publish(
            [Outgoing(FRAMES, frame, {"pcm": self.pcm}) for frame in frames]
        )
        for number, entry_id in enumerate(ids, first):
            self._histories.setdefault(number % TRACKS, []).append(entry_id)

    async def publish_evenly(self, seconds: float) -> None:
        """`FRAMES_PER_SECOND` of them, for so long."""
        started = time.monotonic()
        for tick in range(round(seconds * TICKS_PER_SECOND)):
            await self.publish(FRAMES_PER_SECOND // TICKS_PER_SECOND)
            due = started + (tick + 1) / TICKS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _frame(self, number: int) -> Frame:
        now = datetime.now(UTC)
        return Frame(
            session_id=f"{self.prefix}-{number % TRACKS}",
            source_id="bench",
            labels={"agent_id": "7", "queue": "bench"},
            seq=number // TRACKS,
            samples=FRAME_SAMPLES,
            captured_at=now - timedelta(seconds=1),
            published_at=now,
            speech=1.0,
            level_dbfs=-9.0,
            history=tuple(self._histories.get(number % TRACKS, [])[-HISTORY:]),
        )


async def until_settled(broker: RedisBroker) -> None:
    """Wait until no frame waits any more."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while any(state.oldest_unsettled_ms for state in await broker.group_states(FRAMES)):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.02)


async def answered(broker: RedisBroker, sent_ms: dict[Second, float]) -> dict[Second, list[float]]:
    """For each second that was sent, after how many milliseconds it was answered; twice is two."""
    found: dict[Second, list[float]] = {second: [] for second in sent_ms}
    start = dict.fromkeys(range(PARTITIONS), "0-0")
    for seen in await broker.tail(SCORES, start, count=10 * len(sent_ms), block=None):
        message = decode(SCORES, seen.entry)
        if isinstance(message, Score):
            seconds = [(message.session_id, message.seq)]
        elif isinstance(message, Gap):
            seqs = range(message.first_seq, message.last_seq + 1)
            seconds = [(message.session_id, seq) for seq in seqs]
        for second in seconds:
            if second in found:
                found[second].append(seen.entry.published_ms - sent_ms[second])
    return found


def engine_ms() -> float:
    """CPU milliseconds of the fake engine for one window of three seconds, as floats."""
    windows, rounds = [3 * tone()] * 64, 10
    engine = FakeEngine()
    engine.score([waveform(pcm) for pcm in windows])
    started = time.thread_time()
    for _ in range(rounds):
        engine.score([waveform(pcm) for pcm in windows])
    return 1000 * (time.thread_time() - started) / (rounds * len(windows))


async def overhead_ms(folder: Path, redis_url: str, broker: RedisBroker, frames: int) -> float:
    """CPU milliseconds of a worker per frame, without the engine's."""
    worker = stack.service_process("inference", folder, redis_url, engine="fake")
    async with worker as (_, process):
        load = Traffic(broker, "flood")
        await load.publish(TRACKS)
        await until_settled(broker)
        before = _cpu_seconds(process)
        for _ in range(frames // 50):
            await load.publish(50)
        await until_settled(broker)
        return 1000 * (_cpu_seconds(process) - before) / frames - engine_ms()


def _cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def kills(
    folder: Path, redis_url: str, broker: RedisBroker, seconds: float
) -> tuple[Traffic, int]:
    """Three workers under load, one after the other killed; returns the traffic and the kills."""
    load, killed = Traffic(broker, "steady"), 0
    options = {"engine": "fake", "fake_batch_seconds": "0.02"}
    async with AsyncExitStack() as running:

        async def start() -> "subprocess.Popen[bytes]":
            worker = stack.service_process("inference", folder, redis_url, **options)
            return (await running.enter_async_context(worker))[1]

        workers = [await start() for _ in range(3)]
        publishing = asyncio.create_task(load.publish_evenly(seconds))
        while not publishing.done():
            await asyncio.wait({publishing}, timeout=KILL_EVERY_SECONDS)
            if not publishing.done():
                workers.pop(0).send_signal(signal.SIGKILL)
                killed += 1
                workers.append(await start())
        await publishing
        await until_settled(broker)
    return load, killed


async def claim_seconds(folder: Path, redis_url: str, broker: RedisBroker) -> float:
    """From the kill of the worker that holds a frame to its score by another."""
    load = Traffic(broker, "claim")
    slow = stack.service_process(
        "inference", folder, redis_url, engine="fake", fake_batch_seconds="60"
    )
    async with slow as (_, process):
        await load.publish(1)
        async with asyncio.timeout(10):
            while not any(state.pending for state in await broker.group_states(FRAMES)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        async with stack.service("inference", folder, redis_url, engine="fake"):
            process.send_signal(signal.SIGKILL)
            started = time.monotonic()
            await until_settled(broker)
            return time.monotonic() - started


async def start_seconds(folder: Path, redis_url: str, engine: str) -> float:
    """From the start of the process to /ready."""
    started = time.monotonic()
    async with stack.service("inference", folder, redis_url, engine=engine):
        return time.monotonic() - started


async def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    seconds, frames = (12.0, 6_000) if options.quick else (60.0, 30_000)
    with stack.scratch() as folder, stack.redis(folder) as redis_url:
        client = create_redis(RedisOptions(url=redis_url), "bench")
        broker = RedisBroker(client, partitions=PARTITIONS)
        await broker.setup(STREAMS)
        starts = {
            name: await start_seconds(folder, redis_url, name) for name in ("compact", "fake")
        }
        overhead = await overhead_ms(folder, redis_url, broker, frames)
        await client.flushall()
        await broker.setup(STREAMS)
        load, killed = await kills(folder, redis_url, broker, seconds)
        answers = await answered(broker, load.sent_ms)
        claim = await claim_seconds(folder, redis_url, broker)
        await broker.close()
    times = Counter(len(delays) for delays in answers.values())
    delays = [delay for each in answers.values() for delay in each]
    figures = {
        "overhead_ms_per_frame": overhead,
        "lost": float(times[0]),
        "doubled": float(sum(count for number, count in times.items() if number > 1)),
        "claim_s": claim,
        "score_p50_ms": percentile(delays, 0.5),
        "score_p95_ms": percentile(delays, 0.95),
        "score_longest_ms": max(delays, default=None),
        "kills": float(killed),
        "frames": float(len(load.sent_ms)),
        **{f"start_{name}_s": value for name, value in starts.items()},
    }
    rows = [
        ("CPU time per frame around the engine", f"{overhead:.3f} ms"),
        (f"{len(load.sent_ms)} frames at {FRAMES_PER_SECOND}/s, {killed} kills", ""),
        ("  lost, doubled", f"{figures['lost']:.0f}, {figures['doubled']:.0f}"),
        ("  frame to score, p50", f"{figures['score_p50_ms']:.0f} ms"),
        ("  frame to score, p95", f"{figures['score_p95_ms']:.0f} ms"),
        ("  frame to score, longest", f"{figures['score_longest_ms']:.0f} ms"),
        ("kill to the score of the frame that was held", f"{claim:.1f} s"),
        ("start with compact, with fake", f"{starts['compact']:.2f} s, {starts['fake']:.2f} s"),
    ]
    report(rows, figures, options.json)


if __name__ == "__main__":
    asyncio.run(main())
