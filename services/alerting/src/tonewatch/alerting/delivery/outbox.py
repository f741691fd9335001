"""The outbox: deliveries are rows before anything is sent, and stay rows until somebody was told.

A row that is being sent is leased, so that two replicas on one database do not both send it. A
lease ends by itself; a replica that starts again takes back its own at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.ended import write_ended
from tonewatch.alerting.delivery.leasing import Demand, Due, Lease, due_receivers, lease
from tonewatch.alerting.delivery.tables import DELIVERIES, DeliveryRow, DeliveryState, ReceiverRow
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database

WAITING: Final = DeliveryState.WAITING

_CHUNK: Final = 500
"""Ids in one query: SQLite and PostgreSQL bound the number of parameters."""


class Outbox:
    """Adds, leases and settles deliveries."""

    def __init__(self, database: Database, owner: str, clock: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._clock = clock
        self.owner = owner

    @property
    def now_ms(self) -> int:
        """The time by this outbox's clock."""
        return self._clock()

    async def add(
        self, rows: Sequence[Mapping[str, Any]], session: AsyncSession | None = None
    ) -> None:
        """Add deliveries, all or none; those that are there already stay as they are.

        Args:
            rows: as `values.delivery_values` makes them.
            session: an open transaction to add them in, which the caller commits.
        """
        if not rows:
            return
        if session is not None:
            await self._insert(rows, session)
            return
        async with self._database.writing() as own:
            await self._insert(rows, own)

    async def _insert(self, rows: Sequence[Mapping[str, Any]], session: AsyncSession) -> None:
        dialect = self._database.engine.dialect.name
        build = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = build(DELIVERIES).on_conflict_do_nothing(
            index_elements=["alert_id", "notice", "receiver"]
        )
        await session.execute(statement, [dict(row) for row in rows])

    async def take_back(self) -> None:
        """End the leases that this replica held before it was killed."""
        await self._end_leases(DeliveryRow.leased_by == self.owner)

    async def release(self, rows: Iterable[DeliveryRow]) -> None:
        """End the leases of deliveries that are not sent after all."""
        ids = [row.id for row in rows]
        if ids:
            await self._end_leases(DeliveryRow.id.in_(ids))

    async def _end_leases(self, which: Any) -> None:
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(which, DeliveryRow.state == WAITING)
                .values(leased_by="", next_attempt_ms=self._clock())
            )

    async def due(self) -> dict[str, Due]:
        """Every receiver that something waits for."""
        async with self._database.reading() as session:
            return await due_receivers(session, self._clock())

    async def lease(self, demands: Sequence[Demand]) -> list[Lease]:
        """Take due deliveries, for this replica to send, in one transaction.

        A delivery is not due before older ones of the same alert to the same receiver, and the one
        that it names as `after`, were delivered or given up.
        """
        if not demands:
            return []
        async with self._database.writing() as session:
            return [
                await lease(session, demand, owner=self.owner, now=self._clock())
                for demand in demands
            ]

    async def record(self, ended: Sequence[tuple[DeliveryRow, Attempt]]) -> None:
        """Write down how attempts went, and what follows from each, in one transaction."""
        async with self._database.writing() as session:
            await write_ended(session, ended, self._clock())

    async def set_pace(self, receiver: str, paced_until_ms: int) -> None:
        """Keep a receiver from getting more before a time (see `pace.Pace.paused`)."""
        async with self._database.writing() as session:
            await session.execute(
                update(ReceiverRow)
                .where(ReceiverRow.receiver == receiver)
                .values(paced_until_ms=paced_until_ms)
            )

    async def failing_since_ms(self, receiver: str) -> int | None:
        """Since when every attempt for a receiver has failed; None if one has not."""
        query = select(ReceiverRow.failing_since_ms).where(ReceiverRow.receiver == receiver)
        async with self._database.reading() as session:
            since: int | None = await session.scalar(query)
            return since

    async def give_up(self, receiver: str, reason: str) -> None:
        """Fail whatever still waits for a receiver that will not be told any more."""
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.receiver == receiver, DeliveryRow.state == WAITING)
                .values(state=DeliveryState.FAILED, finished_ms=self._clock(), last_error=reason)
            )

    async def first_sent_ms(self, alert_ids: Sequence[str]) -> dict[str, int]:
        """When each alert was first told to anybody; those that never were are left out."""
        found: dict[str, int] = {}
        first = func.min(DeliveryRow.first_sent_ms)
        async with self._database.reading() as session:
            for begin in range(0, len(alert_ids), _CHUNK):
                rows = await session.execute(
                    select(DeliveryRow.alert_id, first)
                    .where(
                        DeliveryRow.alert_id.in_(alert_ids[begin : begin + _CHUNK]),
                        DeliveryRow.first_sent_ms.is_not(None),
                    )
                    .group_by(DeliveryRow.alert_id)
                )
                found |= {alert_id: moment for alert_id, moment in rows if moment is not None}
        return found

    async def waiting(self, receiver: str | None = None) -> int:
        """How many deliveries wait, for a receiver or in all."""
        query = select(func.count()).where(DeliveryRow.state == WAITING)
        if receiver is not None:
            query = query.where(DeliveryRow.receiver == receiver)
        async with self._database.reading() as session:
            return await session.scalar(query) or 0
