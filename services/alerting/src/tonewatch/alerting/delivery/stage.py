"""The delivery stage as the service sees it: built in one place, with its loop."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from tonewatch.alerting.delivery.channels.registry import Tools, build_channels
from tonewatch.alerting.delivery.health import Health
from tonewatch.alerting.delivery.leasing import LEASE_MS
from tonewatch.alerting.delivery.log import DeliveryLog
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.receivers import Receiver, Receivers
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.shown import shown_delivery
from tonewatch.alerting.delivery.values import test_values
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import NotFoundError
from tonewatch.shared.messages import Priority
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop


class DeliveryStage:
    """Deliveries in, messages out.

    Raises:
        ConfigurationError: a channel of the settings cannot be built.
    """

    def __init__(self, database: Database, options: AlertingOptions, metrics: Metrics) -> None:
        self._options = options
        self._closing = ExitStack()
        self._poster = Poster(options.egress, timeout_seconds=options.delivery_timeout_seconds)
        tools = Tools(
            poster=self._poster,
            policy=options.egress,
            smtp=options.smtp,
            timeout_seconds=options.delivery_timeout_seconds,
            closing=self._closing,
        )
        self.webhooks = Webhooks(database, options.egress)
        self.receivers = Receivers(
            self.webhooks, self._poster, build_channels(options.channels, tools)
        )
        self.outbox = Outbox(database, options.consumer)
        self.log = DeliveryLog(database)
        health = Health(
            self.outbox,
            self.webhooks,
            self.receivers,
            failing_days=options.failing_days,
            operator_channels=options.operator_channels,
        )
        self.sender = Sender(
            self.outbox,
            self.log,
            self.receivers,
            health,
            metrics,
            at_once=options.deliveries_at_once,
            per_receiver=options.deliveries_per_receiver,
            log_days=options.delivery_log_days,
        )

    async def open(self) -> None:
        """Bring the declared webhooks to what the settings say."""
        await self.webhooks.declare(self._options.webhooks)

    def loops(self) -> Sequence[Loop]:
        """Send what is due."""
        return (self.sender.send_due,)

    async def test(self, receiver_id: str) -> dict[str, Any]:
        """Try once whether a receiver can be told; returns the delivery and how it went.

        Raises:
            NotFoundError: there is no such receiver.
        """
        return await self._test(await self._find(receiver_id))

    async def test_rule(
        self, rule: str, priority: Priority, channels: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Try, all at once, whether those whom a rule's alerts go to can be told."""
        await self.receivers.refresh()
        found = self.receivers.for_rule(rule, priority, channels)
        return await asyncio.gather(*map(self._test, found))

    async def _test(self, receiver: Receiver) -> dict[str, Any]:
        # leased from the start: the sender's loop must not send it too
        lease = {"leased_by": self.outbox.owner, "next_attempt_ms": now_ms() + LEASE_MS}
        values = test_values(receiver) | lease
        await self.outbox.add([values])
        await self.sender.attempt((await self.log.get(values["id"]))[0])
        return shown_delivery(*await self.log.get(values["id"]))

    async def close(self) -> None:
        """Close connections and let threads end."""
        await self._poster.close()
        self._closing.close()

    async def _find(self, receiver_id: str) -> Receiver:
        await self.receivers.refresh()
        receiver = self.receivers.find(receiver_id)
        if receiver is None:
            raise NotFoundError(f"there is no receiver {receiver_id}")
        return receiver
