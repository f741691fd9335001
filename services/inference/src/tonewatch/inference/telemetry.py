"""What the worker measures: batches, waits, outcomes, and the age of what waits."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tonewatch.inference.batches import Item
from tonewatch.inference.intake import LANES
from tonewatch.shared.broker import Broker, Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Gap, Lane, Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import FRAMES, Stream

WATCH_SECONDS: Final = 3.0


class Telemetry:
    """Counts and times what passes through the worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def handed(self, items: Sequence[Item]) -> None:
        """A batch goes to the engine."""
        now = utc_now()
        jobs = [item.job for item in items if item.job is not None and item.outcome is None]
        if jobs:
            self._metrics.observe("batch_size", len(jobs))
        for job in jobs:
            waited = _seconds(job.frame.published_at, now)
            self._metrics.observe("queue_wait_seconds", waited, lane=_lane(job.delivery.stream))

    def settled(self, outcomes: Sequence[Outcome], settled: Sequence[bool]) -> None:
        """Outcomes were offered to the broker; those not settled came second to another worker."""
        now = utc_now()
        for outcome, first in zip(outcomes, settled, strict=True):
            stream = outcome.delivery.stream
            if not first:
                self._metrics.count("settle_lost_total", stream=stream.name)
                continue
            if outcome.dead is not None:
                self._metrics.count("dead_letters_total", stream=stream.name)
            for outgoing in outcome.publish:
                self._published(outgoing.message, stream, now)

    def _published(self, message: object, stream: Stream, now: datetime) -> None:
        lane = _lane(stream)
        if isinstance(message, Gap):
            self._metrics.count("gaps_total", reason=message.reason.value)
        elif isinstance(message, Score):
            spoken = "no_speech" if message.probabilities is None else "scored"
            self._metrics.count("frames_scored_total", lane=lane, outcome=spoken)
            elapsed = _seconds(message.published_at, now)
            self._metrics.observe("frame_to_score_seconds", elapsed, lane=lane)


class Watch:
    """Keeps the metric to scale on: how old the oldest frame without a score is.

    Redis's own `lag` of a group stays wrong after a trim.
    """

    def __init__(self, broker: Broker, metrics: Metrics) -> None:
        self._broker = broker
        self._metrics = metrics

    async def watch(self, stop: asyncio.Event) -> None:
        """Look every few seconds."""
        while not stop.is_set():
            for lane in LANES:
                states = await self._broker.group_states(lane)
                waiting = [s.oldest_unsettled_ms for s in states if s.oldest_unsettled_ms]
                age = time.time() - min(waiting) / 1000 if waiting else 0.0
                self._metrics.set("oldest_unscored_seconds", max(0.0, age), lane=_lane(lane))
            await wait_for_stop(stop, WATCH_SECONDS)


def _lane(stream: Stream) -> str:
    return Lane.LIVE.value if stream is FRAMES else Lane.UPLOAD.value


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
