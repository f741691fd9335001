"""Who can be told: the subscriptions, the mail recipients, and the channels of the settings.

Looked up from memory: the subscriptions are read again when this replica changed one, or after a
second, when another may have.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tonewatch.alerting.delivery.attempt import ChannelSender
from tonewatch.alerting.delivery.filters import Filter
from tonewatch.alerting.delivery.pace import Pace
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.tables import WebhookRow
from tonewatch.alerting.delivery.webhook import WebhookSender
from tonewatch.shared.messages import Alert, Priority

WEBHOOK: Final = "webhook"
"""The channel name of all subscriptions together."""

FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody who can be told.

    Attributes:
        channel: the type, such as "webhook" or "dingtalk".
        id: of the subscription; of other channels, their name.
        name: as people know it.
        sender: tells it.
        pace: what it may get, if that is limited.
        joins: whether messages beyond the pace are joined into one (else they wait).
    """

    channel: str
    id: str
    name: str
    sender: ChannelSender
    pace: Pace | None = None
    joins: bool = False
    enabled: bool = True
    filter: Filter = field(default_factory=Filter)


class Receivers:
    """Looks receivers up."""

    def __init__(
        self, webhooks: Webhooks, poster: Poster, channels: Mapping[str, Receiver]
    ) -> None:
        self._webhooks = webhooks
        self._poster = poster
        self._channels = channels
        self._subscriptions: dict[str, Receiver] = {}
        self._seen: tuple[int, float] = (-1, 0.0)

    async def refresh(self) -> None:
        """Read the subscriptions again if they may have changed.

        Raises:
            UnavailableError: the database is away.
        """
        now = asyncio.get_running_loop().time()
        version, fresh_until = self._seen
        if version == self._webhooks.version and now < fresh_until:
            return
        version = self._webhooks.version
        rows = await self._webhooks.list()
        self._subscriptions = {row.id: self._subscription(row) for row in rows}
        self._seen = (version, now + FRESH_SECONDS)

    def for_alert(
        self, alert: Alert, event_type: EventType, channels: Sequence[str] | None = None
    ) -> list[Receiver]:
        """Who is to be told of an alert; subscriptions only if their filter lets it pass.

        Args:
            alert: what to tell.
            event_type: how it is told.
            channels: names in the place of the alert's own.
        """
        found = self._named(alert.channels if channels is None else channels)
        return [receiver for receiver in found if receiver.filter.wants(event_type, alert)]

    def for_rule(self, rule: str, priority: Priority, channels: Iterable[str]) -> list[Receiver]:
        """Who would be told that a rule fires, on a call with the labels that they want."""
        fires = EventType.ALERT_FIRING
        found = self._named(channels)
        return [
            each
            for each in found
            if each.filter.wants(fires) and each.filter.may_want(rule, priority)
        ]

    def for_event(self, event_type: EventType, channels: Iterable[str]) -> list[Receiver]:
        """Who is to be told of something that is no alert."""
        return [item for item in self._named(channels) if item.filter.wants(event_type)]

    def find(self, receiver_id: str) -> Receiver | None:
        """A receiver by the id that its deliveries have; None if it no longer exists."""
        return self._subscriptions.get(receiver_id) or self._channels.get(receiver_id)

    def channels(self) -> Mapping[str, Receiver]:
        """The channels that the settings declare, by name."""
        return self._channels

    def _named(self, names: Iterable[str]) -> list[Receiver]:
        found: list[Receiver] = []
        for name in dict.fromkeys(names):
            if name == WEBHOOK:
                found += (item for item in self._subscriptions.values() if item.enabled)
            elif (receiver := self._channels.get(name)) is not None:
                found.append(receiver)
        return found

    def _subscription(self, row: WebhookRow) -> Receiver:
        return Receiver(
            channel=WEBHOOK,
            id=row.id,
            name=row.name,
            sender=WebhookSender(self._poster, row),
            pace=None if row.rate_per_minute is None else Pace(row.rate_per_minute),
            enabled=row.enabled,
            filter=Filter.model_validate(row.filter),
        )
