"""What the worker measures: batches, waits, outcomes, and the age of what waits."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tonewatch.inference.batches import Item
from tonewatch.inference.broker_clock import BrokerClock
from tonewatch.inference.host import EngineHost
from tonewatch.inference.intake import LANES
from tonewatch.shared.broker import Broker, Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Gap, Granularity, Lane, Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import FRAMES, Stream

WATCH_SECONDS: Final = 3.0
NEWEST: Final = 0.1
"""Weight of the newest call in the real-time factor."""


class Telemetry:
    """Counts and times what passes through the worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._real_time_factor: float | None = None

    def handed(self, items: Sequence[Item]) -> None:
        """A batch goes to the engine."""
        now = utc_now()
        spoken = [item for item in items if item.window]
        if spoken:
            self._metrics.observe("batch_size", len(spoken))
        for item in spoken:
            for job in item.group:
                waited = _seconds(job.frame.published_at, now)
                self._metrics.observe("queue_wait_seconds", waited, lane=_lane(job.delivery.stream))

    def computed(self, items: Sequence[Item], seconds: float) -> None:
        """The engine took so long for them."""
        answered = sum(len(item.group) for item in items if item.window)
        if not answered:
            return
        now, before = seconds / answered, self._real_time_factor
        self._real_time_factor = now if before is None else before + NEWEST * (now - before)
        self._metrics.set("real_time_factor", self._real_time_factor)

    def hop(self, seconds: int) -> None:
        """The hop that is now in force."""
        self._metrics.set("hop_seconds", seconds)

    def shed(self, frames: int) -> None:
        """So many live frames were given up for their age."""
        self._metrics.count("frames_shed_total", frames, reason="age")

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
        elif isinstance(message, Score) and message.granularity is Granularity.UTTERANCE:
            self._metrics.count("utterances_scored_total", lane=lane)
        elif isinstance(message, Score):
            spoken = "no_speech" if message.probabilities is None else "scored"
            self._metrics.count("frames_scored_total", lane=lane, outcome=spoken)
            elapsed = _seconds(message.published_at, now)
            self._metrics.observe("frame_to_score_seconds", elapsed, lane=lane)


class Watch:
    """Keeps the metric to scale on: how old the oldest frame without a score is.

    Redis's own `lag` of a group stays wrong after a trim.
    """

    def __init__(self, broker: Broker, host: EngineHost, metrics: Metrics) -> None:
        self._broker = broker
        self._host = host
        self._metrics = metrics
        self._clock = BrokerClock(broker)

    async def watch(self, stop: asyncio.Event) -> None:
        """Look every few seconds."""
        while not stop.is_set():
            await self._clock.refresh()
            for lane in LANES:
                states = await self._broker.group_states(lane)
                waiting = [s.oldest_unsettled_ms for s in states if s.oldest_unsettled_ms]
                age = self._clock.age_seconds(min(waiting)) if waiting else 0.0
                self._metrics.set("oldest_unscored_seconds", age, lane=_lane(lane))
            self._metrics.set("gpu_memory_bytes", self._host.gpu_memory_bytes)
            await wait_for_stop(stop, WATCH_SECONDS)


def _lane(stream: Stream) -> str:
    return Lane.LIVE.value if stream is FRAMES else Lane.UPLOAD.value


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
