"""The delivery log: what was sent to whom and how it went, and once more please."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select, update

from tonewatch.alerting.delivery.database import require
from tonewatch.alerting.delivery.payload import TEST_NOTICE
from tonewatch.alerting.delivery.schedule import ATTEMPTS
from tonewatch.alerting.delivery.tables import AttemptRow, DeliveryRow, DeliveryState, ReceiverRow
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database

_AGAIN: Final = {
    "state": DeliveryState.WAITING,
    "attempts": 0,
    "finished_ms": None,
    "expires_ms": None,  # who asks for it again wants it, however late
    "leased_by": "",
}

_EQUAL: Final = ("alert_id", "state", "channel", "receiver", "rule", "session_id", "event_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of deliveries is narrowed to; times are of the delivery's creation."""

    alert_id: str | None = None
    state: DeliveryState | None = None
    channel: str | None = None
    receiver: str | None = None
    rule: str | None = None
    session_id: str | None = None
    event_type: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    before_id: str | None = None
    limit: int = 50


class DeliveryLog:
    """Reads deliveries, and makes finished ones due again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, filters: Filters) -> Sequence[DeliveryRow]:
        """Deliveries, newest first."""
        query = select(DeliveryRow).order_by(DeliveryRow.id.desc()).limit(filters.limit)
        for name in _EQUAL:
            if (wanted := getattr(filters, name)) is not None:
                query = query.where(getattr(DeliveryRow, name) == wanted)
        if filters.since_ms is not None:
            query = query.where(DeliveryRow.created_ms >= filters.since_ms)
        if filters.until_ms is not None:
            query = query.where(DeliveryRow.created_ms < filters.until_ms)
        if filters.before_id is not None:
            query = query.where(DeliveryRow.id < filters.before_id)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def get(self, delivery_id: str) -> tuple[DeliveryRow, Sequence[AttemptRow]]:
        """A delivery and its attempts.

        Raises:
            NotFoundError: there is no such delivery.
        """
        async with self._database.reading() as session:
            row = await require(session, DeliveryRow, delivery_id, "delivery")
            attempts = await session.scalars(
                select(AttemptRow)
                .where(AttemptRow.delivery_id == delivery_id)
                .order_by(AttemptRow.id)
            )
            return row, attempts.all()

    async def send_again(self, row: DeliveryRow) -> DeliveryRow:
        """Make a delivery due now, with all its attempts before it."""
        allowed = 1 if row.notice == TEST_NOTICE else ATTEMPTS
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id == row.id)
                .values(**_AGAIN, attempts_allowed=allowed, next_attempt_ms=now_ms())
            )
        return (await self.get(row.id))[0]

    async def recover(self, since_ms: int, receiver: str | None) -> int:
        """Make due whatever was given up since a time; returns how many deliveries that are.

        Args:
            since_ms: deliveries that failed or expired at this time or later.
            receiver: only those of this receiver.
        """
        given_up = (DeliveryState.FAILED, DeliveryState.EXPIRED)
        which: list[Any] = [
            DeliveryRow.state.in_(given_up),
            DeliveryRow.finished_ms >= since_ms,
            DeliveryRow.notice != TEST_NOTICE,
        ]
        if receiver is not None:
            which.append(DeliveryRow.receiver == receiver)
        async with self._database.writing() as session:
            changed = await session.scalars(
                update(DeliveryRow)
                .where(*which)
                .values(**_AGAIN, attempts_allowed=ATTEMPTS, next_attempt_ms=now_ms())
                .returning(DeliveryRow.id)
                .execution_options(synchronize_session=False)
            )
            return len(changed.all())

    async def forget(self, before_ms: int) -> None:
        """Delete finished deliveries that are older than the log is kept."""
        async with self._database.writing() as session:
            await session.execute(delete(DeliveryRow).where(DeliveryRow.finished_ms < before_ms))

    async def health(self) -> dict[str, ReceiverRow]:
        """How receivers fare, by their id."""
        async with self._database.reading() as session:
            return {row.receiver: row for row in await session.scalars(select(ReceiverRow))}
