"""A worker with all its loops on a real broker, what it is fed and what comes out."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.messages import make_frame
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.host import EngineHost
from tonewatch.inference.settings import InferenceOptions
from tonewatch.inference.worker import Worker
from tonewatch.shared.broker import Outgoing, RedisBroker, TailEntry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import FRAME_BYTES, Gap, Lane, Score, UtteranceMark
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import DEAD, FRAMES, SCORES, Stream

QUICK: dict[str, Any] = {
    "engine": "fake",
    "claim_idle_seconds": 0.2,
    "linger_ms": 0,
    "hop_after_seconds": 30,  # a machine that halts for seconds is no overload
}


@asynccontextmanager
async def worker(
    broker: RedisBroker,
    engine: Engine | None = None,
    metrics: Metrics | None = None,
    **options: Any,
) -> AsyncIterator[asyncio.Event]:
    """A worker with all its loops; yields its stop event, drains it at the end."""
    metrics = metrics or Metrics()
    host = EngineHost.around(engine or FakeEngine(), metrics)
    await host.load()
    with tempfile.TemporaryDirectory() as folder:
        made = Worker(broker, host, InferenceOptions(**(QUICK | options)), metrics, Path(folder))
        stop = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as loops:
            for loop in (made.work, made.keep, made.claim):
                loops.create_task(loop(stop))
            yield stop
            stop.set()
        await host.close()


async def publish_track(
    broker: RedisBroker,
    pcm: bytes,
    session: str = "call-1",
    stream: Stream = FRAMES,
    *,
    ended: Mapping[int, UtteranceMark] | None = None,
    **changes: Any,
) -> list[str]:
    """A track as ingest publishes it, second by second with its history.

    `ended` says in which second which utterance is told to have ended.
    """
    ids: list[str] = []
    lane = Lane.LIVE if stream is FRAMES else Lane.UPLOAD
    for seq, start in enumerate(range(0, len(pcm), FRAME_BYTES)):
        part = pcm[start : start + FRAME_BYTES]
        values = {"samples": len(part) // 2, "lane": lane, "history": tuple(ids[-10:]), **changes}
        if ended and seq in ended:
            values["utterances"] = (ended[seq],)
        frame = make_frame(seq, session, **values)
        ids += await broker.publish([Outgoing(stream, frame, {"pcm": part})])
    return ids


async def answers(broker: RedisBroker) -> list[tuple[Score | Gap, bytes]]:
    """Everything in the scores stream, by track and second."""
    found = []
    for each in await _everything(broker, SCORES):
        message = decode(SCORES, each.entry)
        assert isinstance(message, Score | Gap)
        found.append((message, each.entry.fields.get("steps", b"")))
    return sorted(found, key=lambda pair: (pair[0].session_id, _kind(pair[0]), seq_of(pair[0])))


async def session_order(broker: RedisBroker) -> list[str]:
    """Sessions in the order in which their scores were published."""
    seen = await _everything(broker, SCORES)
    in_order = sorted(seen, key=lambda each: tuple(map(int, each.entry.entry_id.split("-"))))
    return [decode(SCORES, each.entry).session_id for each in in_order]


async def _everything(broker: RedisBroker, stream: Stream) -> list[TailEntry]:
    start = dict.fromkeys(range(broker.partitions), "0-0")
    return await broker.tail(stream, start, count=1000, block=None)


def _kind(message: Score | Gap) -> str:
    return message.granularity.value if isinstance(message, Score) else "gap"


def seq_of(message: Score | Gap) -> int:
    """The second it speaks of."""
    return message.seq if isinstance(message, Score) else message.first_seq


def answered(broker: RedisBroker, count: int) -> Callable[[], Any]:
    """A condition: so many scores and gaps are there."""

    async def enough() -> bool:
        return len(await answers(broker)) >= count

    return enough


async def dead_letters(broker: RedisBroker) -> list[str]:
    """The errors of all dead letters."""
    found = await _everything(broker, DEAD)
    return [each.entry.fields["dead_error"].decode() for each in found]


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """A metric as it is scraped."""
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name == f"tonewatch_{name}" and sample.labels == labels:
                return float(sample.value)
    raise AssertionError(f"no metric {name} {labels}")
