"""The loop that follows the alerts and has their clips kept."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError, TonewatchError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Alert
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import ALERTS, FRAMES
from tonewatch.storage.evidence._clips import Clips
from tonewatch.storage.evidence._frames import read_audio
from tonewatch.storage.evidence._options import EvidenceOptions
from tonewatch.storage.evidence._policy import wants_clip

READ_BLOCK: Final = timedelta(seconds=0.5)
READ_COUNT: Final = 100
MOST_WAITING: Final = 1000
PUBLISHING: Final = timedelta(seconds=2)
"""From the last sample of a second to its frame on the stream."""

log = get_logger(__name__)


@dataclass(order=True, slots=True)
class _Due:
    at: datetime
    number: int
    alert: Alert = field(compare=False)


class Recorder:
    """Reads alerts without a group, and frames likewise: it holds up nobody."""

    def __init__(
        self,
        broker: Broker,
        clips: Clips,
        metrics: Metrics,
        options: EvidenceOptions,
        *,
        may_write: Callable[[], bool] = lambda: True,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._clips = clips
        self._metrics = metrics
        self._options = options
        self._may_write = may_write
        self._clock = clock
        self._waiting: list[_Due] = []
        self._count = 0
        self._after: dict[int, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """The loop; what waits for its last seconds when told to stop is read as it is."""
        await self._begin()
        while not stop.is_set():
            await self._follow(READ_BLOCK)
            await self._keep_due(self._clock())
        await self._keep_due(datetime.max.replace(tzinfo=UTC))

    async def _begin(self) -> None:
        """Where the alerts lie whose audio may still be there; those before it are past help."""
        if not self._after:
            since = await self._broker.now_ms() - int(FRAMES.retention.total_seconds() * 1000)
            partitions = range(self._broker.partitions)
            self._after = dict.fromkeys(partitions, f"{max(0, since)}-0")

    async def _follow(self, block: timedelta | None) -> None:
        for found in await self._broker.tail(ALERTS, self._after, count=READ_COUNT, block=block):
            self._after[found.partition] = found.entry.entry_id
            try:
                alert = decode(ALERTS, found.entry)
            except InvalidMessageError:
                continue  # the writer makes a dead letter of it
            if isinstance(alert, Alert) and wants_clip(alert, self._options):
                self._wait_for(alert, published_ms=found.entry.published_ms)

    def _wait_for(self, alert: Alert, *, published_ms: int) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._note(alert, "dropped", "more alerts than clips can be kept of")
            return
        published = datetime.fromtimestamp(published_ms / 1000, UTC)
        self._count += 1
        after = timedelta(seconds=self._options.after_seconds)
        heapq.heappush(self._waiting, _Due(published + after + PUBLISHING, self._count, alert))

    async def _keep_due(self, now: datetime) -> None:
        while self._waiting and self._waiting[0].at <= now:
            due = heapq.heappop(self._waiting)
            try:
                await self._keep(due)
            except TonewatchError as error:
                self._note(due.alert, "failed", error.message)

    async def _keep(self, due: _Due) -> None:
        alert, options = due.alert, self._options
        if await self._clips.find(alert.alert_id) is not None:
            return
        if not self._may_write():
            self._note(alert, "dropped", "the disk is nearly full")
            return
        before = timedelta(seconds=options.before_seconds)
        first_seq = max(0, alert.first_seq - options.before_seconds)
        last_seq = alert.last_seq + options.after_seconds
        # by the clock of ingest, or counted back from the alert if that is earlier (uploads)
        counted = due.at - timedelta(seconds=last_seq - first_seq)
        since = min(alert.started_at - before, counted)
        audio = await read_audio(self._broker, alert.track, first_seq, last_seq, since=since)
        await self._clips.keep(alert, audio)
        self._note(alert, "missed" if audio is None else "kept")

    def _note(self, alert: Alert, outcome: str, reason: str = "") -> None:
        self._metrics.count("evidence_clips_total", outcome=outcome)
        if outcome != "kept":
            log.warning(
                "no clip of an alert", alert_id=alert.alert_id, outcome=outcome, reason=reason
            )
