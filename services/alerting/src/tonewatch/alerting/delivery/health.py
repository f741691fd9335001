"""Receivers that will not be told any more, and the operator who must know."""

from collections.abc import Sequence
from typing import Final

from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.receivers import WEBHOOK, Receiver, Receivers
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.values import disabled_values
from tonewatch.shared.logging import get_logger

DAY_MS: Final = 86_400_000

log = get_logger(__name__)


class Health:
    """Disables subscriptions that are gone or have failed for days; tells by other channels.

    Channels of the settings are not disabled, since only their operator can repair them: the
    operator is told, once for each stretch of failures.
    """

    def __init__(
        self,
        outbox: Outbox,
        webhooks: Webhooks,
        receivers: Receivers,
        *,
        failing_days: float,
        operator_channels: Sequence[str],
    ) -> None:
        self._outbox = outbox
        self._webhooks = webhooks
        self._receivers = receivers
        self._failing_ms = round(failing_days * DAY_MS)
        self._failing_days = failing_days
        self._operator_channels = operator_channels

    async def gone(self, receiver: Receiver) -> None:
        """The receiver said that it will never listen again."""
        if receiver.enabled:
            now = self._outbox.now_ms
            await self._end(receiver, "the receiver answered 410 Gone", now)

    async def failed(self, receiver: Receiver) -> None:
        """An attempt failed: see whether all have for too long."""
        since_ms = await self._outbox.failing_since_ms(receiver.id)
        if since_ms is None or self._outbox.now_ms - since_ms < self._failing_ms:
            return
        reason = f"every attempt has failed for {self._failing_days:g} days"
        await self._end(receiver, reason, since_ms)

    async def _end(self, receiver: Receiver, reason: str, since_ms: int) -> None:
        if receiver.channel == WEBHOOK:
            log.warning("a webhook was disabled", webhook=receiver.name, reason=reason)
            await self._webhooks.disable(receiver.id, reason)
            await self._outbox.give_up(receiver.id, f"the webhook is disabled: {reason}")
            await self._receivers.refresh()
        else:
            log.warning("a channel does not work", channel=receiver.name, reason=reason)
        told = self._receivers.for_event(EventType.RECEIVER_DISABLED, self._operator_channels)
        rows = [
            disabled_values(other, receiver.id, receiver.name, reason, since_ms)
            for other in told
            if other.id != receiver.id
        ]
        await self._outbox.add(rows)
