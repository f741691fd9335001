"""Sends what is due: a lane for each receiver, so that one that hangs delays nobody else."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.health import Health
from tonewatch.alerting.delivery.lanes import Lane, Message
from tonewatch.alerting.delivery.leasing import Demand
from tonewatch.alerting.delivery.log import DeliveryLog
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.receivers import Receiver, Receivers
from tonewatch.alerting.delivery.recorder import Recorder, SentListener
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics

LONGEST_SLEEP_SECONDS: Final = 1.0
"""Deliveries that another replica leaves behind are noticed within this time."""

HOUSEKEEPING_SECONDS: Final = 3600.0
COUNT_SECONDS: Final = 1.0
DAY_MS: Final = 86_400_000

LONGEST_ATTEMPT_MS: Final = 60_000
"""What is left of a lease must be longer than the attempt can be."""

log = get_logger(__name__)


class Sender:
    """The loop that empties the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        delivery_log: DeliveryLog,
        receivers: Receivers,
        health: Health,
        metrics: Metrics,
        *,
        at_once: int,
        per_receiver: int,
        log_days: int,
    ) -> None:
        self._outbox = outbox
        self._log = delivery_log
        self._recorder = Recorder(outbox)
        # what was behind a finished delivery may be due now
        self._recorder.on_written(self.wake)
        self._receivers = receivers
        self._health = health
        self._metrics = metrics
        self._at_once = at_once
        self._per_receiver = per_receiver
        self._log_days = log_days
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._wake = asyncio.Event()
        self._forget_at = 0.0
        self._count_at = 0.0

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    def on_sent(self, listener: SentListener) -> None:
        """Call this with the ids of alerts that somebody was told of, after each commit."""
        self._recorder.on_sent(listener)

    async def send_due(self, stop: asyncio.Event) -> None:
        """Send until stopped, then wait for what is in flight."""
        self._is_stopping = False
        await self._outbox.take_back()
        try:
            while not stop.is_set():
                self._wake.clear()
                next_ms = await self.look()
                await self._housekeeping()
                await self._sleep(stop, next_ms)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()  # each will be sent again, with the same id
            raise
        finally:
            await self._finish()

    async def look(self) -> int | None:
        """Take what is due and start sending it; returns when more will be due."""
        await self._receivers.refresh()
        due = await self._outbox.due()
        demands = self._demands(receiver_id for receiver_id, found in due.items() if found.is_due)
        leases = await self._outbox.lease(demands)
        for demand, lease in zip(demands, leases, strict=True):
            lane = self._lanes[lease.receiver]
            lane.has_more = len(lease.messages) >= demand.count
            lane.queue.extend(lease.messages)
            lane.again_ms = lease.again_ms
        moments = [found.next_ms for found in due.values() if found.next_ms is not None]
        moments += [lane.again_ms for lane in self._lanes.values() if lane.again_ms is not None]
        for lane in list(self._lanes.values()):
            self._start(lane)
        return min((moment for moment in moments if moment > self._outbox.now_ms), default=None)

    def _demands(self, receiver_ids: Iterable[str]) -> list[Demand]:
        now = self._outbox.now_ms
        demands = [
            self._lane(receiver_id).demand(self._receivers.find(receiver_id), now)
            for receiver_id in receiver_ids
        ]
        return [demand for demand in demands if demand is not None]

    async def idle(self) -> None:
        """Wait until nothing is in flight and all attempts are written down."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._recorder.drain()

    async def attempt(self, row: DeliveryRow) -> None:
        """Try a leased delivery once, and return when it is written down how it went.

        Raises:
            UnavailableError: it could not be.
        """
        await self._receivers.refresh()
        attempt = await self._try(self._receivers.find(row.receiver), [row])
        if not await self._note([row], attempt):
            raise UnavailableError("the attempt could not be written down; see the log")

    def _lane(self, receiver_id: str) -> Lane:
        if receiver_id not in self._lanes:
            receiver = self._receivers.find(receiver_id)
            # robots are told one after the other: their makers bound messages by the second, too
            widest = 1 if receiver is not None and receiver.joins else self._per_receiver
            self._lanes[receiver_id] = Lane(receiver_id, widest)
        return self._lanes[receiver_id]

    def _start(self, lane: Lane) -> None:
        """Start as many messages as the lane may have in flight; one at least, however many run."""
        is_free = lane.again_ms is None or lane.again_ms <= self._outbox.now_ms
        if lane.is_idle and is_free and not lane.is_failing:
            del self._lanes[lane.receiver_id]
            return
        starting = min(len(lane.queue), lane.width - lane.running)
        for _ in range(starting):
            if lane.running and len(self._tasks) >= self._at_once:
                return
            lane.running += 1
            task = asyncio.create_task(self._work(lane), name=f"delivery-{lane.receiver_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: Lane) -> None:
        """Send a lane's messages one after the other while it may have so many in flight."""
        try:
            while lane.queue and lane.running <= lane.width and not self._is_stopping:
                await self._deliver(lane, lane.queue.popleft())
                if lane.is_low and lane.has_more:
                    self.wake()
        except UnavailableError as error:
            log.warning("the outbox is away", reason=error.message)
        except Exception:
            log.exception("a delivery failed unexpectedly", receiver=lane.receiver_id)
        finally:
            lane.running -= 1
            # otherwise the commit that writes the attempt down wakes the loop
            if lane.is_failing or lane.queue or len(self._tasks) >= self._at_once:
                self.wake()

    async def _deliver(self, lane: Lane, message: Message) -> None:
        now = self._outbox.now_ms
        if min(row.next_attempt_ms for row in message) - now < LONGEST_ATTEMPT_MS:
            await self._outbox.release(message)
            return
        late = [row for row in message if row.expires_ms is not None and row.expires_ms <= now]
        if late:
            error = "not sent: older than the rule lets it become"
            self._note(late, Attempt(delivered=False, expired=True, error=error))
            message = [row for row in message if row not in late]
        if not message:
            return
        receiver = self._receivers.find(lane.receiver_id)
        attempt = await self._try(receiver, message)
        written = self._note(message, attempt)
        if attempt.delivered:
            lane.answered(attempt.latency_ms)
            self._start(lane)
            return
        await self._after_failure(lane, receiver, attempt, written)

    async def _after_failure(
        self,
        lane: Lane,
        receiver: Receiver | None,
        attempt: Attempt,
        written: asyncio.Future[bool],
    ) -> None:
        lane.is_failing = receiver is not None
        waiting = [row for message in lane.queue for row in message]
        lane.queue.clear()
        await self._outbox.release(waiting)
        await written
        if receiver is None:
            return
        if receiver.pace is not None and attempt.retry_after_seconds is not None:
            until_ms = self._outbox.now_ms + round(attempt.retry_after_seconds * 1000)
            await self._outbox.set_pace(receiver.id, receiver.pace.paused(until_ms))
            lane.again_ms = until_ms
        if attempt.gone:
            await self._health.gone(receiver)
        else:
            await self._health.failed(receiver)

    async def _try(self, receiver: Receiver | None, message: Message) -> Attempt:
        if receiver is None:
            return Attempt(delivered=False, error="the receiver no longer exists", gone=True)
        try:
            return await receiver.sender.send(message)
        except Exception as error:
            log.exception("a channel failed unexpectedly", channel=receiver.channel)
            return Attempt(delivered=False, error=f"internal error: {type(error).__name__}")

    def _note(self, message: Message, attempt: Attempt) -> asyncio.Future[bool]:
        """Count and log how a message went, and have it written down."""
        outcome = "delivered" if attempt.delivered else "expired" if attempt.expired else "failed"
        channel = message[0].channel
        self._metrics.count("deliveries_total", len(message), channel=channel, outcome=outcome)
        if not attempt.expired:
            self._metrics.observe("delivery_seconds", attempt.latency_ms / 1000, channel=channel)
        write = log.debug if attempt.delivered else log.info
        write(
            "delivery attempt",
            outcome=outcome,
            delivery_id=message[0].id,
            joined=len(message),
            channel=channel,
            receiver=message[0].receiver_name,
            status=attempt.status,
            latency_ms=attempt.latency_ms,
            error=attempt.error,
        )
        if len(message) > 1:
            attempt = replace(attempt, joined=len(message))
        return self._recorder.record(message, attempt)

    async def _finish(self) -> None:
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._recorder.drain()
        queued = [row for lane in self._lanes.values() for part in lane.queue for row in part]
        self._lanes.clear()
        try:
            await self._outbox.release(queued)
        except UnavailableError as error:
            log.warning("leases were left to end by themselves", reason=error.message)

    async def _housekeeping(self) -> None:
        clock = asyncio.get_running_loop().time()
        if clock >= self._count_at:
            self._count_at = clock + COUNT_SECONDS
            self._metrics.set("deliveries_waiting", await self._outbox.waiting())
        if clock >= self._forget_at:
            self._forget_at = clock + HOUSEKEEPING_SECONDS
            await self._log.forget(self._outbox.now_ms - self._log_days * DAY_MS)

    async def _sleep(self, stop: asyncio.Event, next_ms: int | None) -> None:
        """Wait for a reason to look again."""
        seconds = LONGEST_SLEEP_SECONDS
        if next_ms is not None:
            seconds = max(0.0, min(seconds, (next_ms - self._outbox.now_ms) / 1000))
        waits = [asyncio.create_task(event.wait()) for event in (self._wake, stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
