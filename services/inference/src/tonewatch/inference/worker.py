"""The worker: read, form windows, score, settle; and take over what dead workers left.

While one batch is computed, the next is read and its windows are formed. The consumer's name is
new for every process, so a worker never finds entries of its own from an earlier life: they lie
with the dead name and are claimed like those of any dead worker.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.inference.batches import Batches, Item
from tonewatch.inference.host import EngineHost
from tonewatch.inference.intake import GROUP, LANES, Intake
from tonewatch.inference.settings import InferenceOptions
from tonewatch.inference.telemetry import Telemetry
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Broker
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
        self, broker: Broker, host: EngineHost, options: InferenceOptions, metrics: Metrics
    ) -> None:
        self._broker = broker
        self._host = host
        self._options = options
        self._metrics = metrics
        self._telemetry = Telemetry(metrics)
        self._intake = Intake(broker, consumer_name())
        windows = Windows(broker, options.window_seconds, options.cache_frames)
        self._batches = Batches(host, windows, options)
        self._idle = timedelta(seconds=options.claim_idle_seconds)

    async def work(self, stop: asyncio.Event) -> None:
        """Score batch after batch; on stop, finish what was read."""
        if not await self._ready_before(stop):
            return
        running: asyncio.Task[None] | None = None
        try:
            while not stop.is_set() or self._intake.waiting:
                items = await self._gather(running, stop)
                if running is not None:
                    await running
                    running = None
                await self._pause_while_failing(stop)
                if items:
                    running = asyncio.create_task(self._finish(items))
        finally:
            if running is not None:
                await running
            self._intake.forget()

    async def claim(self, stop: asyncio.Event) -> None:
        """Every few seconds, take over what other workers left lying."""
        if not await self._ready_before(stop):
            return
        while not await wait_for_stop(stop, min(CLAIM_SECONDS, self._options.claim_idle_seconds)):
            if self._can_take_more():
                for lane in LANES:
                    await self._claim_from(lane)

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

    async def _gather(self, running: asyncio.Task[None] | None, stop: asyncio.Event) -> list[Item]:
        """The next batch: what waits now, and what comes while the engine is still busy.

        A short queue lingers for a moment, so that tracks whose seconds end together share a call.
        """
        items = await self._take(self._batches.size.limit, BLOCK, stop)
        if running is not None and not running.done():
            await asyncio.wait({running})
        elif 0 < len(items) < self._batches.size.limit and not stop.is_set():
            await asyncio.sleep(self._options.linger_ms / 1000)
        if items:
            room = self._batches.size.limit - len(items)
            items += await self._take(room, None, stop) if room > 0 else []
        return items

    async def _take(self, limit: int, block: timedelta | None, stop: asyncio.Event) -> list[Item]:
        # Overload shedding belongs here: what is too old to be worth a score becomes a gap before
        # its window is formed.
        deliveries = await self._intake.take(limit, block=block, read=not stop.is_set())
        return await self._batches.prepare(deliveries)

    async def _finish(self, items: Sequence[Item]) -> None:
        """Score a batch and settle it; what the engine failed on stays pending."""
        try:
            self._telemetry.handed(items)
            await self._batches.score(items)
            outcomes = [item.outcome for item in items if item.outcome is not None]
            settled = await self._broker.settle(outcomes)
            self._telemetry.settled(outcomes, settled)
        finally:
            self._intake.release(item.delivery for item in items)

    async def _claim_from(self, lane: Stream) -> None:
        claimed = await self._broker.claim(
            lane, GROUP, self._intake.consumer, min_idle=self._idle, count=CLAIM_COUNT
        )
        new = self._intake.add(claimed, first=True)
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
