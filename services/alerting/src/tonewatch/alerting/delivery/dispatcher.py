"""From alerts to deliveries: rows are committed first, then the alert is acknowledged.

Killed in between, the alert is handed out again and its rows are found to be there.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.delivery.clock import now_ms
from tonewatch.alerting.delivery.mail import EMAIL_RECEIVER
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.payload import alert_body, message_id
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.schedule import ATTEMPTS
from tonewatch.alerting.delivery.tables import DeliveryState, WebhookRow
from tonewatch.alerting.rules import Channel
from tonewatch.shared.broker import Broker, Delivery, Outcome
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Alert
from tonewatch.shared.metrics import Metrics

GROUP: Final = "dispatch"

log = get_logger(__name__)


class Dispatcher:
    """The loop of group `dispatch`."""

    def __init__(
        self,
        broker: Broker,
        reader: GroupReader,
        webhooks: Webhooks,
        outbox: Outbox,
        metrics: Metrics,
        *,
        has_mail: bool,
        wake_sender: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._webhooks = webhooks
        self._outbox = outbox
        self._metrics = metrics
        self._has_mail = has_mail
        self._wake_sender = wake_sender

    async def dispatch(self, stop: asyncio.Event) -> None:
        """Turn alerts into deliveries until stopped."""
        await self.process(await self._reader.unfinished())
        while not stop.is_set():
            await self.process(await self._reader.next())

    async def process(self, deliveries: list[Delivery]) -> None:
        """Deal with a batch of alerts."""
        if not deliveries:
            return
        outcomes, rows = [], []
        enabled = [row for row in await self._webhooks.list() if row.enabled]
        for delivery in deliveries:
            try:
                alert = decode(delivery.stream, delivery.entry)
            except InvalidMessageError as error:
                log.error("an alert went to the dead letters", reason=error.message)
                self._metrics.count("dead_letters_total", stream=delivery.stream.name)
                outcomes.append(Outcome(delivery, dead=error.message))
                continue
            if isinstance(alert, Alert):
                rows += self._rows(alert, enabled)
            outcomes.append(Outcome(delivery))
        await self._outbox.add(rows)
        self._wake_sender()
        await self._broker.settle(outcomes)

    def _rows(self, alert: Alert, enabled: Sequence[WebhookRow]) -> list[dict[str, Any]]:
        receivers = []
        if Channel.WEBHOOK in alert.channels:
            receivers += [(Channel.WEBHOOK, row.id, row.name) for row in enabled]
        if Channel.EMAIL in alert.channels and self._has_mail:
            receivers.append((Channel.EMAIL, EMAIL_RECEIVER, EMAIL_RECEIVER))
        if not receivers:
            log.warning("an alert has no receiver", rule=alert.rule, alert_id=alert.alert_id)
        body = alert_body(alert)
        return [
            delivery_values(
                alert_id=alert.alert_id,
                alert_state=alert.state.value,
                rule=alert.rule,
                session_id=alert.session_id,
                channel=channel.value,
                receiver=receiver,
                receiver_name=name,
                payload=body,
            )
            for channel, receiver, name in receivers
        ]


def delivery_values(
    *, alert_id: str, alert_state: str, receiver: str, attempts_allowed: int = ATTEMPTS, **more: str
) -> dict[str, Any]:
    """The values of a new row, due at once."""
    now = now_ms()
    return {
        "id": new_id(),
        "message_id": message_id(alert_id, alert_state, receiver),
        "alert_id": alert_id,
        "alert_state": alert_state,
        "receiver": receiver,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "attempts_allowed": attempts_allowed,
        "created_ms": now,
        "next_attempt_ms": now,
        "last_error": "",
        "leased_by": "",
        "leased_until_ms": 0,
        **more,
    }
