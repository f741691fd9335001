"""The loops of the notices stage: alerts from the stream, and the passing of time.

What a step decides and the deliveries that follow are one transaction; then the stream's entries
are acknowledged. Killed in between, the alerts are handed out again and are found in the ledger.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.notices.book import Book
from tonewatch.alerting.notices.ledger import Ledger
from tonewatch.alerting.notices.model import EventKind, Notice
from tonewatch.alerting.notices.silences import Silences
from tonewatch.alerting.notices.writer import NoticeWriter, Written
from tonewatch.shared.broker import Broker, Delivery, Outcome
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import now_ms
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Alert
from tonewatch.shared.metrics import Metrics

GROUP: Final = "dispatch"

BATCH: Final = 256
"""Alerts of one transaction; a replica that starts may be handed thousands at once."""

LONGEST_SLEEP_SECONDS: Final = 1.0
"""What another replica leaves behind is noticed within this time."""

HOUSEKEEPING_SECONDS: Final = 3600.0
DAY_MS: Final = 86_400_000

log = get_logger(__name__)


class Dispatcher:
    """The loops of group `dispatch`."""

    def __init__(
        self,
        broker: Broker,
        reader: GroupReader,
        ledger: Ledger,
        writer: NoticeWriter,
        outbox: Outbox,
        silences: Silences,
        metrics: Metrics,
        *,
        wake_sender: Callable[[], None],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._ledger = ledger
        self._writer = writer
        self._outbox = outbox
        self._silences = silences
        self._metrics = metrics
        self._wake_sender = wake_sender
        self._clock = clock
        self._wake = asyncio.Event()
        self._forget_at = 0.0

    def wake(self) -> None:
        """Look now for alerts that are due: a person has changed something."""
        self._wake.set()

    async def dispatch(self, stop: asyncio.Event) -> None:
        """Enter alerts from the stream until stopped."""
        await self.process(await self._reader.unfinished())
        while not stop.is_set():
            await self.process(await self._reader.next())

    async def watch_timers(self, stop: asyncio.Event) -> None:
        """Do what is due by its time, until stopped."""
        while not stop.is_set():
            self._wake.clear()
            look_ms = await self._ledger.next_look_ms()
            if look_ms is not None and look_ms <= self._clock():
                await self.step(())
                continue
            await self._housekeeping()
            await self._sleep(stop, look_ms)

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Deal with entries of the stream, however many."""
        for start in range(0, len(deliveries), BATCH):
            await self._process(deliveries[start : start + BATCH])

    async def _process(self, deliveries: Sequence[Delivery]) -> None:
        outcomes, alerts = [], []
        for delivery in deliveries:
            try:
                message = decode(delivery.stream, delivery.entry)
            except InvalidMessageError as error:
                log.error("an alert went to the dead letters", reason=error.message)
                self._metrics.count("dead_letters_total", stream=delivery.stream.name)
                outcomes.append(Outcome(delivery, dead=error.message))
                continue
            if isinstance(message, Alert):
                alerts.append(message)
            outcomes.append(Outcome(delivery))
        if alerts:
            await self.step(alerts)
        await self._broker.settle(outcomes)

    async def step(self, alerts: Sequence[Alert]) -> Sequence[Notice]:
        """Take transitions in, do what is due, and commit it with the deliveries.

        Raises:
            UnavailableError: the database is away; nothing has changed.
        """
        await self._writer.refresh()
        async with self._ledger.turn() as session:
            now = self._clock()
            book = await self._ledger.load(session, alerts, now)
            book.reaches = self._writer.reaches
            for alert in alerts:
                book.take_in(alert, now)
            notices = book.step(now)
            written = await self._writer.write(session, notices, now)
            await self._outbox.add(written.deliveries, session=session)
            await self._ledger.save(session, book)
        self._report(book, written)
        if written.deliveries:
            self._wake_sender()
        self._wake.set()
        return notices

    def _report(self, book: Book, written: Written) -> None:
        sent = Counter(row["event_type"] for row in written.deliveries)
        for event_type, count in sent.items():
            self._metrics.count("notices_sent_total", count, type=event_type)
        for event in book.events:
            if event.kind is EventKind.HELD:
                self._metrics.count("notices_held_total", reason=event.detail["reason"])
                log.info("an alert is held back", alert_id=event.alert_id, **event.detail)
            elif event.kind is EventKind.ESCALATED:
                self._metrics.count("escalations_total")
                log.warning("an alert is escalated", alert_id=event.alert_id, **event.detail)

    async def _housekeeping(self) -> None:
        self._metrics.set("silences_active", await self._silences.active())
        clock = asyncio.get_running_loop().time()
        if clock >= self._forget_at:
            self._forget_at = clock + HOUSEKEEPING_SECONDS
            now = self._clock()
            await self._ledger.forget(now, now - self._ledger.options.alert_log_days * DAY_MS)

    async def _sleep(self, stop: asyncio.Event, look_ms: int | None) -> None:
        """Wait for a reason to look again."""
        seconds = LONGEST_SLEEP_SECONDS
        if look_ms is not None:
            seconds = max(0.0, min(seconds, (look_ms - self._clock()) / 1000))
        waits = [asyncio.create_task(event.wait()) for event in (self._wake, stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
