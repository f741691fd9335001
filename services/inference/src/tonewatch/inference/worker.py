"""The worker: read, form windows, score, settle; and take over what dead workers left.

When frames come faster than they can be scored it first lets one window answer for up to three
seconds, then gives up the oldest live frames, each with a gap in its place.

While one batch is computed, the next is read and its windows are formed. The consumer's name is
new for every process, so a worker never finds entries of its own from an earlier life: they lie
with the dead name and are claimed like those of any dead worker.
"""

import asyncio
import math
import os
import secrets
import socket
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from tonewatch.inference.batch import Batch
from tonewatch.inference.batch_size import BatchSize
from tonewatch.inference.batches import Batches
from tonewatch.inference.broker_clock import BrokerClock
from tonewatch.inference.embeddings import Embeddings
from tonewatch.inference.frames import Admission
from tonewatch.inference.host import EngineHost
from tonewatch.inference.intake import GROUP, LANES, Intake
from tonewatch.inference.overload import Overload
from tonewatch.inference.results import Results, rejected, shed
from tonewatch.inference.settings import InferenceOptions
from tonewatch.inference.telemetry import Telemetry
from tonewatch.inference.urgency import Urgency
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Broker, Outcome
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import Stream

BLOCK: Final = timedelta(seconds=0.5)
"""Longest wait for frames; also how long a stop may go unnoticed."""

CLAIM_SECONDS: Final = 2.0
CLAIM_COUNT: Final = 8
LONGEST_HOLD_SECONDS: Final = 60.0
"""A frame held longer is given up to others even though this worker lives: its engine may hang."""

FORGET_IDLE: Final = timedelta(hours=1)
"""A consumer without entries that was silent for so long is of a worker that died."""

STUCK_SECONDS: Final = 30.0
FAILING_CALLS: Final = 3
LONGEST_PAUSE_SECONDS: Final = 5.0

log = get_logger(__name__)


def consumer_name() -> str:
    """Unique for each process, and readable in XINFO CONSUMERS."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Worker:
    """Scores frames until it is told to stop."""

    def __init__(
        self,
        broker: Broker,
        host: EngineHost,
        options: InferenceOptions,
        metrics: Metrics,
        data_dir: Path,
    ) -> None:
        self._broker = broker
        self._host = host
        self._options = options
        self._metrics = metrics
        self._telemetry = Telemetry(metrics)
        admission = Admission(options.max_deliveries, options.speech_threshold)
        self._intake = Intake(broker, consumer_name(), admission)
        self._urgency = Urgency(broker)
        self._clock = BrokerClock(broker)
        self._overload = Overload(
            options.window_seconds, options.hop_after_seconds, options.shed_after_seconds
        )
        self._batches = Batches(
            host,
            Windows(broker, options.window_seconds, options.cache_frames),
            Results(host.engine, options.steps_per_second),
            Embeddings(data_dir),
            BatchSize(options.max_batch, options.batch_seconds),
        )
        self._idle = timedelta(seconds=options.claim_idle_seconds)

    async def work(self, stop: asyncio.Event) -> None:
        """Score batch after batch; on stop, finish what was read."""
        if not await self._ready_before(stop):
            return
        running: asyncio.Task[None] | None = None
        try:
            while not stop.is_set() or self._intake.waiting:
                batch = await self._gather(running, stop)
                if running is not None:
                    await running
                    running = None
                await self._pause_while_failing(stop)
                if batch:
                    running = asyncio.create_task(self._finish(batch))
        finally:
            if running is not None:
                await running
            self._intake.forget()
        await self._broker.leave(LANES, GROUP, self._intake.consumer)

    async def claim(self, stop: asyncio.Event) -> None:
        """Every few seconds, take over what other workers left lying."""
        if not await self._ready_before(stop):
            return
        while not await wait_for_stop(stop, min(CLAIM_SECONDS, self._options.claim_idle_seconds)):
            if self._can_take_more():
                for lane in LANES:
                    await self._claim_from(lane)
            await self._broker.forget_idle_consumers(LANES, GROUP, FORGET_IDLE)

    async def keep(self, stop: asyncio.Event) -> None:
        """Tell the broker that what is in hand is being worked on, until it is settled.

        Without it, a batch that takes longer than `claim_idle_seconds` would be scored by all
        workers one after another, and counted as failing.
        """
        while not await wait_for_stop(stop, self._options.claim_idle_seconds / 3):
            await self._broker.keep(self._intake.consumer, self._intake.held(LONGEST_HOLD_SECONDS))

    async def _ready_before(self, stop: asyncio.Event) -> bool:
        """Wait for the engine; False if the service stops first."""
        waits = {
            asyncio.create_task(self._host.wait_ready()),
            asyncio.create_task(stop.wait()),
        }
        _, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        return not stop.is_set()

    async def _gather(self, running: asyncio.Task[None] | None, stop: asyncio.Event) -> Batch:
        """The next batch: what waits now, and what comes while the engine is still busy.

        A short queue lingers for a moment, so that tracks whose seconds end together share a call;
        but not for a frame that has waited so long already.
        """
        limit = self._batches.size.limit
        batch = await self._take(limit, BLOCK, stop)
        if running is not None and not running.done():
            await asyncio.wait({running})
        elif 0 < batch.windows < limit and not stop.is_set():
            waited_ms = self._clock.age_seconds(batch.oldest_ms) * 1000
            await asyncio.sleep(max(0.0, self._options.linger_ms - waited_ms) / 1000)
        if batch and batch.windows < limit:
            batch += await self._take(limit - batch.windows, None, stop)
        return batch

    async def _take(self, windows: int, block: timedelta | None, stop: asyncio.Event) -> Batch:
        """Read, give up what is too old, and form the windows of what is next."""
        hop = self._overload.hop
        if not stop.is_set():
            await self._intake.fill(windows, hop, block)
        await self._clock.refresh()
        live = self._intake.live
        oldest_ms = live.oldest_ms()
        hop = self._overload.measured(
            0.0 if oldest_ms is None else self._clock.age_seconds(oldest_ms)
        )
        self._telemetry.hop(hop)
        known = [rejected(refused) for refused in self._intake.take_refused()]
        known += self._shed()
        if len(live) > windows:
            await self._urgency.refresh(live.tracks())
        groups = self._intake.take(windows, hop, self._urgency.is_urgent)
        return Batch(known, await self._batches.prepare(groups))

    def _shed(self) -> list[Outcome]:
        give_up_seconds = self._overload.give_up_seconds
        if give_up_seconds == math.inf:
            return []
        old = self._intake.live.shed(self._clock.now_ms() - int(1000 * give_up_seconds))
        self._telemetry.shed(len(old))
        if old:
            log.warning("overloaded: frames given up", frames=len(old), older_than=give_up_seconds)
        return [shed(job, self._clock.age_seconds(job.published_ms)) for job in old]

    async def _finish(self, batch: Batch) -> None:
        """Score a batch and settle it, in parts; what the engine failed on stays pending.

        First what needs no engine, then the seconds, then those with which an utterance ended: a
        long utterance must not hold up the seconds of other tracks.
        """
        try:
            self._telemetry.handed(batch.items)
            await self._settle(batch.known)
            for part in batch.parts():
                started = time.monotonic()
                await self._batches.score(part)
                self._telemetry.computed(part, time.monotonic() - started)
                await self._settle([outcome for item in part for outcome in item.outcomes])
        finally:
            self._intake.release(batch.deliveries())

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._telemetry.settled(outcomes, await self._broker.settle(outcomes))

    async def _claim_from(self, lane: Stream) -> None:
        claimed = await self._broker.claim(
            lane, GROUP, self._intake.consumer, min_idle=self._idle, count=CLAIM_COUNT
        )
        new = len(self._intake.add(claimed, first=True))
        if new:
            self._metrics.count("claimed_total", new, stream=lane.name)
            log.info("took over frames", stream=lane.name, frames=new)

    def _can_take_more(self) -> bool:
        busy = self._host.busy_seconds > STUCK_SECONDS or self._host.failed_calls >= FAILING_CALLS
        return not busy and self._intake.waiting < self._options.max_batch

    async def _pause_while_failing(self, stop: asyncio.Event) -> None:
        """A broken engine must not drain the stream into the dead letters: slow down."""
        if self._host.failed_calls >= FAILING_CALLS:
            pause = min(LONGEST_PAUSE_SECONDS, 0.1 * 2 ** (self._host.failed_calls - FAILING_CALLS))
            await wait_for_stop(stop, pause)
