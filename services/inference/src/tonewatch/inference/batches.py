"""A micro-batch on its way: deliveries in, one outcome each, in the order of the stream."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tonewatch.inference.batch_size import BatchSize
from tonewatch.inference.engines.base import WindowScore
from tonewatch.inference.frames import FrameJob, open_frame
from tonewatch.inference.host import EngineHost
from tonewatch.inference.results import rejected, scored, silent
from tonewatch.inference.settings import InferenceOptions
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Delivery, Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import EngineError, InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import GapReason

log = get_logger(__name__)


@dataclass(slots=True)
class Item:
    """One delivery of a batch.

    Either `outcome` is known without the engine, or `job` and `window` wait for it. If the engine
    fails on it, neither comes of it and it stays pending.
    """

    delivery: Delivery
    job: FrameJob | None = None
    window: bytes = b""
    outcome: Outcome | None = None


class Batches:
    """Prepares batches and scores them; knows nothing of reading and settling."""

    def __init__(self, host: EngineHost, windows: Windows, options: InferenceOptions) -> None:
        self.size = BatchSize(options.max_batch, options.batch_seconds)
        self._host = host
        self._windows = windows
        self._options = options

    async def prepare(self, deliveries: Sequence[Delivery]) -> list[Item]:
        """Sort out what the engine need not see, and form the windows of the rest."""
        items = [self._open(delivery) for delivery in deliveries]
        spoken = [item.job for item in items if item.job is not None and item.outcome is None]
        windows = iter(await self._windows.form(spoken))
        for item in items:
            if item.job is not None and item.outcome is None:
                item.window = next(windows)
        return items

    async def score(self, items: Sequence[Item]) -> None:
        """Fill in the outcomes; an item on which the engine fails has none."""
        waiting = [item for item in items if item.outcome is None]
        if not waiting:
            return
        try:
            await self._score_together(waiting)
        except EngineError as error:
            if len(waiting) == 1:
                self._blame(waiting[0], error)
                return
            log.warning("a batch failed; trying its windows one by one", reason=error.message)
            for item in waiting:
                await self.score([item])

    async def _score_together(self, items: Sequence[Item]) -> None:
        started = time.monotonic()
        answers = await self._host.score([item.window for item in items])
        self.size.measured(len(items), time.monotonic() - started)
        for item, answer in zip(items, answers, strict=True):
            self._answer(item, answer)

    def _answer(self, item: Item, answer: WindowScore) -> None:
        assert item.job is not None  # noqa: S101 - only items with a job reach the engine
        item.outcome = scored(item.job, answer, len(item.window), self._host.engine, utc_now())

    def _open(self, delivery: Delivery) -> Item:
        if delivery.deliveries > self._options.max_deliveries:
            error = f"not scored after {delivery.deliveries - 1} deliveries"
            return Item(delivery, outcome=rejected(delivery, GapReason.POISON, error))
        try:
            frame, pcm = open_frame(delivery.stream, delivery.entry)
        except InvalidMessageError as error:
            log.warning("frame refused", reason=error.message)
            return Item(delivery, outcome=rejected(delivery, GapReason.INVALID, error.message))
        job = FrameJob(delivery, frame, pcm)
        self._windows.remember([job])
        if frame.speech < self._options.speech_threshold:
            return Item(delivery, job, outcome=silent(job, self._host.engine, utc_now()))
        return Item(delivery, job)

    @staticmethod
    def _blame(item: Item, error: EngineError) -> None:
        delivery = item.delivery
        log.error(
            "frame not scored; it stays pending",
            stream=delivery.stream.name,
            entry=delivery.entry.entry_id,
            delivery=delivery.deliveries,
            reason=error.message,
        )
