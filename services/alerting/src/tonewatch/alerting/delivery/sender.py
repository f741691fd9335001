"""Sends what is due, many at once, so that a receiver that hangs delays nobody else."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

from tonewatch.alerting.delivery.attempt import Attempt, ChannelSender
from tonewatch.alerting.delivery.clock import now_ms
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.recorder import Recorder
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.tables import DeliveryRow, WebhookRow
from tonewatch.alerting.rules import Channel
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics

LONGEST_SLEEP_SECONDS: Final = 1.0
"""Deliveries that another replica leaves behind are noticed within this time."""

HOUSEKEEPING_SECONDS: Final = 3600.0
DAY_MS: Final = 86_400_000

log = get_logger(__name__)


class Sender:
    """The loop that empties the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        webhooks: Webhooks,
        channels: Mapping[str, ChannelSender],
        metrics: Metrics,
        *,
        at_once: int,
        per_receiver: int,
        log_days: int,
    ) -> None:
        self._outbox = outbox
        self._recorder = Recorder(outbox)
        self._webhooks = webhooks
        self._channels = channels
        self._metrics = metrics
        self._at_once = at_once
        self._per_receiver = per_receiver
        self._log_days = log_days
        self._in_flight: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._forget_at = 0.0

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    async def send_due(self, stop: asyncio.Event) -> None:
        """Send until stopped, then wait for what is in flight."""
        await self._outbox.take_back()
        try:
            while not stop.is_set():
                self._wake.clear()
                looked_ms = now_ms()
                await self._start_due()
                await self._housekeeping()
                await self._sleep(stop, looked_ms)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()  # each will be sent again, with the same id
            raise
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def attempt(self, row: DeliveryRow) -> Attempt:
        """Try a leased delivery once, and write down how it went."""
        webhook = None
        if row.channel == Channel.WEBHOOK:
            webhook = await self._webhooks.find(row.receiver)
        attempt = await self._try(row, webhook)
        await self._recorder.record(row, attempt)
        outcome = "delivered" if attempt.delivered else "failed"
        self._metrics.count("deliveries_total", channel=row.channel, outcome=outcome)
        self._metrics.observe("delivery_seconds", attempt.latency_ms / 1000, channel=row.channel)
        log.info(
            "delivery attempt",
            outcome=outcome,
            delivery_id=row.id,
            receiver=row.receiver_name,
            attempt=row.attempts + 1,
            status=attempt.status,
            reason=attempt.error,
        )
        if attempt.gone and webhook is not None:
            await self._disable(webhook)
        return attempt

    async def _try(self, row: DeliveryRow, webhook: WebhookRow | None) -> Attempt:
        channel = self._channels.get(row.channel)
        if channel is None:
            return Attempt(delivered=False, error=f"channel {row.channel} is not configured")
        if webhook is not None and not webhook.enabled:
            error = f"the webhook is disabled: {webhook.disabled_reason}"
            return Attempt(delivered=False, error=error, gone=True)
        return await channel.send(row, webhook)

    async def _disable(self, webhook: WebhookRow) -> None:
        if webhook.enabled:
            reason = "the receiver answered 410 Gone"
            log.warning("a webhook was disabled", webhook=webhook.name, reason=reason)
            await self._webhooks.disable(webhook.id, reason)
            await self._outbox.give_up(webhook.id, f"the webhook is disabled: {reason}")

    async def _start_due(self) -> None:
        for receiver in await self._outbox.due_receivers():
            free = min(
                self._per_receiver - self._in_flight[receiver], self._at_once - len(self._tasks)
            )
            if free <= 0:
                continue
            for row in await self._outbox.lease(receiver, free):
                self._start(row)

    def _start(self, row: DeliveryRow) -> None:
        self._in_flight[row.receiver] += 1
        task = asyncio.create_task(self._run(row), name=f"delivery-{row.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, row: DeliveryRow) -> None:
        try:
            await self.attempt(row)
        except UnavailableError as error:
            # the lease ends by itself, and the delivery is sent again with the same id
            log.warning("an attempt could not be written down", reason=error.message)
        except Exception:
            log.exception("an attempt failed unexpectedly", delivery_id=row.id)
        finally:
            self._in_flight[row.receiver] -= 1
            if not self._in_flight[row.receiver]:
                del self._in_flight[row.receiver]
            self.wake()

    async def _housekeeping(self) -> None:
        self._metrics.set("deliveries_waiting", await self._outbox.waiting())
        clock = asyncio.get_running_loop().time()
        if clock >= self._forget_at:
            self._forget_at = clock + HOUSEKEEPING_SECONDS
            await self._outbox.forget(now_ms() - self._log_days * DAY_MS)

    async def _sleep(self, stop: asyncio.Event, looked_ms: int) -> None:
        """Wait for a reason to look again."""
        due_ms = await self._outbox.next_due_ms(looked_ms)
        seconds = LONGEST_SLEEP_SECONDS
        if due_ms is not None:
            seconds = max(0.0, min(seconds, (due_ms - now_ms()) / 1000))
        waits = [asyncio.create_task(event.wait()) for event in (self._wake, stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
