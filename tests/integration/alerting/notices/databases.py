"""The notices stage over a real database, in virtual time, with receivers that need no network."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import select, update

from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.delivery.attempt import ChannelSender
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.receivers import Receiver, Receivers
from tonewatch.alerting.delivery.tables import DeliveryRow, DeliveryState
from tonewatch.alerting.notices.dispatcher import Dispatcher
from tonewatch.alerting.notices.ledger import Ledger
from tonewatch.alerting.notices.people import People
from tonewatch.alerting.notices.silences import Silences
from tonewatch.alerting.notices.tables import AlertRow, ToldRow
from tonewatch.alerting.notices.writer import NoticeWriter
from tonewatch.alerting.settings import NoticeOptions
from tonewatch.shared.broker import Broker
from tonewatch.shared.database import Database
from tonewatch.shared.messages import Alert
from tonewatch.shared.metrics import Metrics


def receiver(name: str, **changes: Any) -> Receiver:
    """Somebody who is never really told."""
    sender = cast(ChannelSender, None)
    return Receiver(channel="webhook", id=name, name=name, sender=sender, **changes)


@dataclass
class FakeReceivers:
    """Receivers by the name of their channel."""

    channels: dict[str, list[Receiver]] = field(
        default_factory=lambda: {"webhook": [receiver("hook")], "boss": [receiver("boss")]}
    )

    async def refresh(self) -> None:
        """Nothing changes."""

    def for_alert(
        self, alert: Alert, event_type: EventType, channels: Sequence[str] | None = None
    ) -> list[Receiver]:
        names = alert.channels if channels is None else channels
        found = {item.id: item for name in names for item in self.channels.get(name, [])}
        return [item for item in found.values() if item.filter.wants(event_type, alert)]

    def find(self, receiver_id: str) -> Receiver | None:
        every = (item for items in self.channels.values() for item in items)
        return next((item for item in every if item.id == receiver_id), None)


class Replica:
    """One replica's notices stage; several may share a database and a clock."""

    def __init__(
        self,
        database: Database,
        clock: list[int],
        options: NoticeOptions | None = None,
        receivers: FakeReceivers | None = None,
        broker: Broker | None = None,
    ) -> None:
        def now() -> int:
            return clock[0]

        self.database = database
        self.clock = clock
        self.receivers = receivers or FakeReceivers()
        self.people = People(database, now)
        self.silences = Silences(database, now)
        self.ledger = Ledger(database, options or NoticeOptions())
        self.metrics = Metrics()
        self.woken = 0
        self.dispatcher = Dispatcher(
            cast(Broker, broker),
            cast(GroupReader, None),
            self.ledger,
            NoticeWriter(cast(Receivers, self.receivers)),
            Outbox(database, "me"),
            self.silences,
            self.metrics,
            wake_sender=self._count,
            clock=now,
        )

    def _count(self) -> None:
        self.woken += 1

    async def step(self, *alerts: Alert) -> list[tuple[str, list[str]]]:
        """Kinds and alert ids of what is told."""
        notices = await self.dispatcher.step(alerts)
        return [
            (notice.kind.value, [entry.alert_id for entry in notice.entries]) for notice in notices
        ]

    async def after(self, seconds: float) -> list[tuple[str, list[str]]]:
        """All that is told within so much time, the clock set on."""
        end = self.clock[0] + round(seconds * 1000)
        told: list[tuple[str, list[str]]] = []
        for _ in range(1000):
            look = await self.ledger.next_look_ms()
            if look is None or look > end:
                self.clock[0] = end
                return told
            self.clock[0] = max(self.clock[0], look)
            told += await self.step()
        raise AssertionError("something is due for ever")

    async def settle(self, state: DeliveryState, *alert_ids: str) -> None:
        """What the sender would write: all deliveries that tell of these have ended so."""
        of_these = select(ToldRow.delivery_id).where(ToldRow.alert_id.in_(alert_ids))
        values: dict[str, Any] = {"state": state, "finished_ms": self.clock[0]}
        if state is DeliveryState.DELIVERED:
            values["first_sent_ms"] = self.clock[0]
        async with self.database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(of_these), DeliveryRow.state == DeliveryState.WAITING)
                .values(**values)
            )

    async def alert(self, alert_id: str) -> AlertRow:
        """An alert as it stands."""
        async with self.database.reading() as session:
            return await session.get_one(AlertRow, alert_id)

    async def deliveries(self) -> Sequence[DeliveryRow]:
        """All deliveries, oldest first."""
        async with self.database.reading() as session:
            return (await session.scalars(select(DeliveryRow).order_by(DeliveryRow.id))).all()


async def both(first: Any, second: Any) -> Any:
    """Two at once."""
    return await asyncio.gather(first, second)
