"""From notices to delivery rows: who is told of what, in which message, after which other one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.payload import MOST_OTHERS, EventType, event_type_of
from tonewatch.alerting.delivery.receivers import Receiver, Receivers
from tonewatch.alerting.delivery.tables import DeliveryRow, DeliveryState
from tonewatch.alerting.delivery.values import delivery_values
from tonewatch.alerting.notices.model import Entry, Notice, NoticeKind
from tonewatch.alerting.notices.tables import ToldRow
from tonewatch.shared.messages import Alert

UNDELIVERED = (DeliveryState.FAILED, DeliveryState.EXPIRED)


@dataclass(frozen=True, slots=True)
class _Told:
    """That a receiver was told of an alert: by which delivery, and how far that is."""

    receiver: str
    delivery_id: str
    state: str | None


@dataclass(slots=True)
class Written:
    """Rows to be added."""

    deliveries: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)


class NoticeWriter:
    """Makes the rows of notices."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    async def refresh(self) -> None:
        """Read the receivers again if they may have changed.

        Raises:
            UnavailableError: the database is away.
        """
        await self._receivers.refresh()

    def reaches(self, alert: Alert) -> bool:
        """Whether an alert that fires has a receiver."""
        return bool(self._receivers.for_alert(alert, event_type_of(alert)))

    async def write(self, session: AsyncSession, notices: Sequence[Notice], now: int) -> Written:
        """The rows of these notices; those that say who was told are added already."""
        told = await _told_before(
            session,
            [
                entry.alert_id
                for notice in notices
                if notice.kind is NoticeKind.RESOLVED
                for entry in notice.entries
            ],
        )
        written = Written()
        for notice in notices:
            fresh = self._write(notice, told, now)
            written.deliveries += fresh.deliveries
            written.told += fresh.told
            for row in fresh.told:
                told[row["alert_id"]].append(_Told(row["receiver"], row["delivery_id"], None))
        if written.told:
            await session.execute(insert(ToldRow), written.told)
        return written

    def _write(self, notice: Notice, told: Mapping[str, list[_Told]], now: int) -> Written:
        written = Written()
        event_type = notice.event_type
        if notice.kind is NoticeKind.RESOLVED:
            messages = self._to_those_told(notice, event_type, told)
        else:
            messages = self._to_receivers(notice, event_type)
        for receiver, entries, after in messages:
            for part in _parts(entries):
                row = _delivery(notice, event_type, receiver, part, after)
                written.deliveries.append(row)
                written.told += (_told_values(notice, receiver, row, entry, now) for entry in part)
        return written

    def _to_receivers(
        self, notice: Notice, event_type: EventType
    ) -> Iterator[tuple[Receiver, list[Entry], None]]:
        """Each receiver with those of the alerts that it wants."""
        wanted: dict[str, tuple[Receiver, list[Entry]]] = {}
        for entry in notice.entries:
            for receiver in self._receivers.for_alert(entry.latest, event_type, notice.channels):
                wanted.setdefault(receiver.id, (receiver, []))[1].append(entry)
        for receiver, entries in wanted.values():
            yield receiver, entries, None

    def _to_those_told(
        self, notice: Notice, event_type: EventType, told: Mapping[str, list[_Told]]
    ) -> Iterator[tuple[Receiver, list[Entry], str | None]]:
        """Each receiver that was told, with what it was told of.

        What is still on its way must arrive first; what never arrived needs no end.
        """
        messages: dict[tuple[str, str | None], tuple[Receiver, list[Entry]]] = {}
        for entry in notice.entries:
            for before in _first_of_each(told.get(entry.alert_id, ())):
                receiver = self._receivers.find(before.receiver)
                if receiver is None or not receiver.enabled:
                    continue
                if not receiver.filter.wants(event_type, entry.latest):
                    continue
                after = None if before.state == DeliveryState.DELIVERED else before.delivery_id
                messages.setdefault((receiver.id, after), (receiver, []))[1].append(entry)
        for (_, after), (receiver, entries) in messages.items():
            yield receiver, entries, after


def _first_of_each(told: Iterable[_Told]) -> Iterator[_Told]:
    """Of each receiver the first delivery that did not fail."""
    seen = set()
    for before in told:
        if before.receiver not in seen and before.state not in UNDELIVERED:
            seen.add(before.receiver)
            yield before


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """As many alerts as one message lists."""
    size = MOST_OTHERS + 1
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _delivery(
    notice: Notice,
    event_type: EventType,
    receiver: Receiver,
    entries: Sequence[Entry],
    after: str | None,
) -> dict[str, Any]:
    lead, *others = entries
    return delivery_values(
        notice.shown(lead),
        event_type,
        receiver,
        notice=notice.name_for(lead),
        others=[notice.shown(entry) for entry in others],
        held_back=min(notice.held_back, len(entries)),
        after=after,
    )


def _told_values(
    notice: Notice, receiver: Receiver, row: dict[str, Any], entry: Entry, now: int
) -> dict[str, Any]:
    return {
        "alert_id": entry.alert_id,
        "delivery_id": row["id"],
        "kind": notice.kind.value,
        "channel": receiver.channel,
        "receiver": receiver.id,
        "receiver_name": receiver.name,
        "at_ms": now,
    }


async def _told_before(
    session: AsyncSession, alert_ids: Sequence[str]
) -> defaultdict[str, list[_Told]]:
    found = await session.execute(
        select(ToldRow.alert_id, ToldRow.receiver, ToldRow.delivery_id, DeliveryRow.state)
        # one that the log has forgotten was delivered or given up long ago
        .join(DeliveryRow, DeliveryRow.id == ToldRow.delivery_id, isouter=True)
        .where(ToldRow.alert_id.in_(alert_ids), ToldRow.kind != NoticeKind.RESOLVED)
        .order_by(ToldRow.at_ms, ToldRow.delivery_id)
    )
    told: defaultdict[str, list[_Told]] = defaultdict(list)
    for alert_id, receiver, delivery_id, state in found:
        told[alert_id].append(_Told(receiver, delivery_id, state or DeliveryState.DELIVERED))
    return told
