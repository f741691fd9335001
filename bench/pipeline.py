"""How many seconds of audio per second pass from ingest's side to a stored row, and how soon.

Three services as processes of their own (inference with the fake engine, alerting, storage) on one
Redis; this process publishes frames as ingest does and receives the webhooks. First a flood gives
the throughput, then a steady load gives the latencies. The same flood then goes through a minimal
pipeline of FastStream consumers (faststream_consumers.py) that does the same reads and writes, on
the same machine, in the same run.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from faststream.redis import RedisBroker as FastStreamBroker

from support import stack
from support.figures import arguments, percentile, report
from support.receiver import Receiver, declared
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import FRAME_SAMPLES, Frame, Score
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import FRAMES, SCORES, STREAMS

PARTITIONS = 16
TRACKS = 100
RULES = """
rules:
  # told at once, and not held by the caps that the flood fills
  - {name: angry, emotion: angry, threshold: 0.75, duration_sec: 2.0, priority: critical}
"""


def tone(amplitude: float) -> bytes:
    """A second of a tone, s16le: the fake engine hears anger in a loud one, calm in a quiet one."""
    phase = 2 * np.pi * 220 * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES
    return (amplitude * 32767 * np.sin(phase)).astype("<i2").tobytes()


LOUD, QUIET = tone(0.5), tone(0.02)


@dataclass
class Load:
    """Publishes frames of many tracks in turn, each with the history that windows need.

    Every track turns loud once, `seconds` apart at most, so that alerts come evenly.
    """

    prefix: str
    seconds: int = 1
    history: dict[int, list[str]] = field(default_factory=dict)
    sent_at: dict[tuple[str, int], float] = field(default_factory=dict)

    def session(self, number: int) -> str:
        """The session that the frame of this number belongs to."""
        return f"{self.prefix}-{number % TRACKS}"

    def frame(self, number: int) -> Frame:
        """The frame of this number, over all tracks."""
        seq, now = number // TRACKS, datetime.now(UTC)
        return Frame(
            session_id=self.session(number),
            source_id="bench",
            seq=seq,
            samples=FRAME_SAMPLES,
            captured_at=now - timedelta(seconds=1),
            published_at=now,
            speech=1.0,
            level_dbfs=-9.0,
            history=tuple(self.history.get(number % TRACKS, [])[-9:]),
        )

    def pcm(self, number: int) -> bytes:
        """Quiet, until the track's turn to be loud has come."""
        return LOUD if number // TRACKS >= number % TRACKS % self.seconds else QUIET

    async def publish(self, broker: RedisBroker, numbers: range) -> None:
        """Publish these frames in one round trip."""
        sent = time.time()
        frames = [self.frame(number) for number in numbers]
        self.sent_at |= {(frame.session_id, frame.seq): sent for frame in frames}
        ids = await broker.publish(
            [
                Outgoing(FRAMES, frame, {"pcm": self.pcm(number)})
                for number, frame in zip(numbers, frames, strict=True)
            ]
        )
        for number, entry_id in zip(numbers, ids, strict=True):
            self.history.setdefault(number % TRACKS, []).append(entry_id)


def count_rows(path: Path) -> int:
    """Rows that other processes see."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM emotion_records").fetchone()[0])


async def until_stored(path: Path, rows: int, limit_seconds: float) -> None:
    """Wait until the database holds so many rows."""
    async with asyncio.timeout(limit_seconds):
        while await asyncio.to_thread(count_rows, path) < rows:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


@asynccontextmanager
async def tonewatch(folder: Path, redis_url: str, webhook: str) -> AsyncIterator[Path]:
    """Our three services at work; yields the path of the database."""
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    async with (
        stack.service("storage", folder, redis_url),
        stack.service(
            "alerting",
            folder,
            redis_url,
            rules_file=str(rules),
            webhooks=declared(webhook),
            egress='{"allow": ["127.0.0.0/8"]}',
        ),
        stack.service("inference", folder, redis_url, engine="fake"),
    ):
        yield folder / "tonewatch.db"


async def flood(broker: RedisBroker, database: Path, frames: int) -> float:
    """Frames per second from the first publish to the last row, everything at full speed."""
    load, before = Load(f"flood{frames}"), await asyncio.to_thread(count_rows, database)
    started = time.monotonic()
    for first in range(0, frames, 50):
        await load.publish(broker, range(first, min(frames, first + 50)))
    await until_stored(database, before + frames, 300)
    return frames / (time.monotonic() - started)


@dataclass
class Latencies:
    """Milliseconds from publish to each stage, one value per frame or webhook."""

    score: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    webhook: list[float] = field(default_factory=list)


async def steady(
    broker: RedisBroker, database: Path, receiver: Receiver, *, rate: int, seconds: int
) -> Latencies:
    """Publish evenly and note when each frame was scored, stored, and told."""
    load, found, done = Load("steady", seconds - 3), Latencies(), asyncio.Event()
    position = await broker.last_ids(SCORES)
    await receiver.until_quiet()
    watchers = [
        asyncio.create_task(_watch_scores(broker, load, position, found, done)),
        asyncio.create_task(_watch_rows(database, load, found, done)),
    ]
    interval = 1 / rate
    started = time.monotonic()
    for number in range(rate * seconds):
        await load.publish(broker, range(number, number + 1))
        await asyncio.sleep(max(0, started + (number + 1) * interval - time.monotonic()))
    async with asyncio.timeout(60):
        while min(len(found.stored), len(found.score)) < rate * seconds:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.05)
    done.set()
    await asyncio.gather(*watchers)
    alerts = receiver.arrived
    await receiver.until_quiet()
    for arrived, body in alerts:
        found.webhook += _webhook_latency(load, arrived, body)
    return found


def _webhook_latency(load: Load, arrived: float, body: dict[str, object]) -> list[float]:
    data = body.get("data")
    if not isinstance(data, dict) or body.get("type") != "alert.firing":
        return []
    sent = load.sent_at.get((str(data["session_id"]), int(data["last_seq"])))
    return [] if sent is None else [1000 * (arrived - sent)]


async def _watch_scores(
    broker: RedisBroker, load: Load, position: dict[int, str], found: Latencies, done: asyncio.Event
) -> None:
    while not done.is_set():
        entries = await broker.tail(SCORES, position, count=500, block=timedelta(milliseconds=200))
        for seen in entries:
            position[seen.partition] = seen.entry.entry_id
            message = decode(SCORES, seen.entry)
            if isinstance(message, Score) and message.session_id.startswith("steady"):
                sent = load.sent_at[message.session_id, message.seq]
                found.score.append(seen.entry.published_ms - 1000 * sent)


async def _watch_rows(database: Path, load: Load, found: Latencies, done: asyncio.Event) -> None:
    last = 0
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        while not done.is_set():
            rows = connection.execute(
                "SELECT id, session_id, seq FROM emotion_records "
                "WHERE id > ? AND session_id LIKE 'steady%'",
                (last,),
            ).fetchall()
            now = time.time()
            found.stored += [1000 * (now - load.sent_at[row[1], row[2]]) for row in rows]
            last = max([last, *(row[0] for row in rows)])
            await asyncio.sleep(0.005)


async def faststream(folder: Path, redis_url: str, webhook: str, frames: int) -> float:
    """The same flood through the FastStream consumers; frames per second."""
    database, program = folder / "faststream.db", Path(__file__).parent / "faststream_consumers.py"
    load = Load("flood")
    with ExitStack() as processes:
        for role in ("storage", "alerting", "inference"):
            command = [sys.executable, str(program), role, redis_url, str(database), webhook]
            environment = {"OMP_NUM_THREADS": "1"}
            processes.enter_context(
                stack.process(command, folder / f"faststream-{role}.log", environment)
            )
        async with FastStreamBroker(redis_url) as broker:
            await _until_listening(redis_url)
            await _faststream_publish(broker, load, range(1))
            await until_stored(database, 1, 60)
            started = time.monotonic()
            for first in range(1, frames + 1, 50):
                await _faststream_publish(broker, load, range(first, min(frames + 1, first + 50)))
            await until_stored(database, frames + 1, 300)
            return frames / (time.monotonic() - started)


async def _until_listening(redis_url: str) -> None:
    """FastStream's groups begin at the end of a stream: what comes before them is not read."""
    client = create_redis(RedisOptions(url=redis_url), "bench")
    async with asyncio.timeout(60):
        while await _groups(client, "frames") < 1 or await _groups(client, "scores") < 2:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.05)
    await client.aclose()


async def _groups(client: Any, stream: str) -> int:
    return len(await client.xinfo_groups(stream)) if await client.exists(stream) else 0


async def _faststream_publish(broker: FastStreamBroker, load: Load, numbers: range) -> None:
    await asyncio.gather(
        *(
            broker.publish(
                LOUD, stream="frames", headers={"frame": load.frame(number).model_dump_json()}
            )
            for number in numbers
        )
    )


async def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    frames, rounds = (4_000, 1) if options.quick else (6_000, 3)
    rate, seconds = (100, 8) if options.quick else (100, 30)
    ours: list[float] = []
    theirs: list[float] = []
    latencies = Latencies()
    receiver = Receiver()
    async with receiver.listening():
        for number in range(rounds):
            with stack.scratch() as folder, stack.redis(folder) as redis_url:
                options_redis = RedisOptions(url=redis_url)
                broker = RedisBroker(create_redis(options_redis, "bench"), partitions=PARTITIONS)
                await broker.setup(STREAMS)
                async with tonewatch(folder, redis_url, receiver.url) as database:
                    await flood(broker, database, 200)  # warm up
                    ours.append(await flood(broker, database, frames))
                    if number == 0:
                        latencies = await steady(
                            broker, database, receiver, rate=rate, seconds=seconds
                        )
                await broker.close()
            with stack.scratch() as folder, stack.redis(folder) as redis_url:
                theirs.append(await faststream(folder, redis_url, receiver.url, frames))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    middle = len(ratios) // 2
    figures = {
        "frames_per_second": sorted(ours)[middle],
        "faststream_frames_per_second": sorted(theirs)[middle],
        "faststream_ratio": sorted(ratios)[middle],
        **{
            f"{stage}_p{int(100 * share)}_ms": percentile(getattr(latencies, stage), share)
            for stage in ("score", "stored", "webhook")
            for share in (0.5, 0.95)
        },
    }
    rows = [
        ("flood, frames per second", f"{figures['frames_per_second']:.0f}"),
        ("FastStream, frames per second", f"{figures['faststream_frames_per_second']:.0f}"),
        ("ratio, pair by pair", ", ".join(f"{ratio:.2f}" for ratio in ratios)),
        ("steady load, frames per second", str(rate)),
    ]
    for stage in ("score", "stored", "webhook"):
        p50, p95 = figures[f"{stage}_p50_ms"], figures[f"{stage}_p95_ms"]
        shown = "not seen" if p50 is None else f"p50 {p50:.0f} ms, p95 {p95:.0f} ms"
        rows.append((f"published to {stage}", shown))
    report(rows, figures, options.json)


if __name__ == "__main__":
    asyncio.run(main())
