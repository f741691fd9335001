"""The outbox: deliveries are rows before anything is sent, and stay rows until somebody was told.

A row that is being sent is leased, so that two replicas on one database do not both send it. A
lease ends by itself; a replica that starts again takes back its own at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.clock import now_ms
from tonewatch.alerting.delivery.database import Database
from tonewatch.alerting.delivery.schedule import delay_seconds
from tonewatch.alerting.delivery.tables import AttemptRow, DeliveryRow, DeliveryState
from tonewatch.shared.errors import NotFoundError
from tonewatch.shared.messages import AlertState

LEASE_MS: Final = 90_000
"""Longer than the longest attempt (60 s) and what is written after it."""

WAITING: Final = DeliveryState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of deliveries is narrowed to."""

    alert_id: str | None = None
    state: DeliveryState | None = None
    channel: str | None = None
    before_id: str | None = None
    limit: int = 50


class Outbox:
    """Reads and writes deliveries."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self.owner = owner

    async def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add deliveries in one transaction; those that are there already stay as they are."""
        if not rows:
            return
        dialect = self._database.engine.dialect.name
        build = postgresql.insert if dialect == "postgresql" else sqlite.insert
        async with self._database.writing() as session:
            statement = build(DeliveryRow).on_conflict_do_nothing(
                index_elements=["alert_id", "alert_state", "receiver"]
            )
            await session.execute(statement, list(rows))

    async def take_back(self) -> None:
        """End the leases that this replica held before it was killed."""
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.leased_by == self.owner, DeliveryRow.state == WAITING)
                .values(leased_by="", leased_until_ms=0)
            )

    async def due_receivers(self) -> list[str]:
        """Receivers that have something to be sent now."""
        async with self._database.reading() as session:
            found = await session.scalars(
                select(DeliveryRow.receiver).where(*_due(now_ms(), DeliveryRow)).distinct()
            )
            return list(found)

    async def lease(self, receiver: str, count: int) -> list[DeliveryRow]:
        """Take up to `count` deliveries of a receiver, oldest first, for this replica to send.

        An alert's `resolved` is not due before its `firing` is delivered or given up.
        """
        now = now_ms()
        # aliases keep the inner query apart from the row that is updated
        candidate, firing = aliased(DeliveryRow), aliased(DeliveryRow)
        is_behind = exists().where(
            candidate.alert_state == AlertState.RESOLVED.value,
            firing.alert_id == candidate.alert_id,
            firing.receiver == candidate.receiver,
            firing.alert_state == AlertState.FIRING.value,
            firing.state == WAITING,
        )
        chosen = (
            select(candidate.id)
            .where(candidate.receiver == receiver, *_due(now, candidate), ~is_behind)
            .order_by(candidate.next_attempt_ms, candidate.id)
            .limit(count)
        )
        async with self._database.writing() as session:
            leased = await session.scalars(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(chosen), *_due(now, DeliveryRow))
                .values(leased_by=self.owner, leased_until_ms=now + LEASE_MS)
                .returning(DeliveryRow)
                .execution_options(synchronize_session=False)
            )
            return sorted(leased, key=lambda row: (row.next_attempt_ms, row.id))

    async def record(self, ended: Sequence[tuple[DeliveryRow, Attempt]]) -> None:
        """Write down how attempts went, and what follows from each, in one transaction."""
        now = now_ms()
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow), [_after(row, attempt, now) for row, attempt in ended]
            )
            await session.execute(
                insert(AttemptRow),
                [_attempt_values(row.id, attempt, now) for row, attempt in ended],
            )

    async def give_up(self, receiver: str, reason: str) -> None:
        """Fail whatever still waits for a receiver that will not be told any more."""
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.receiver == receiver, DeliveryRow.state == WAITING)
                .values(state=DeliveryState.FAILED, finished_ms=now_ms(), last_error=reason)
            )

    async def send_again(self, delivery_id: str, attempts_allowed: int) -> DeliveryRow:
        """Make a delivery due now, with all its attempts before it.

        Raises:
            NotFoundError: there is no such delivery.
        """
        async with self._database.writing() as session:
            await session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id == delivery_id)
                .values(
                    state=WAITING,
                    attempts=0,
                    attempts_allowed=attempts_allowed,
                    next_attempt_ms=now_ms(),
                    finished_ms=None,
                )
            )
        return (await self.get(delivery_id))[0]

    async def get(self, delivery_id: str) -> tuple[DeliveryRow, list[AttemptRow]]:
        """A delivery and its attempts.

        Raises:
            NotFoundError: there is no such delivery.
        """
        async with self._database.reading() as session:
            row = await session.get(DeliveryRow, delivery_id)
            if row is None:
                raise NotFoundError(f"there is no delivery {delivery_id}")
            attempts = await session.scalars(
                select(AttemptRow)
                .where(AttemptRow.delivery_id == delivery_id)
                .order_by(AttemptRow.id)
            )
            return row, list(attempts)

    async def list(self, filters: Filters) -> Sequence[DeliveryRow]:
        """Deliveries, newest first."""
        query = select(DeliveryRow).order_by(DeliveryRow.id.desc()).limit(filters.limit)
        for column, wanted in (
            (DeliveryRow.alert_id, filters.alert_id),
            (DeliveryRow.state, filters.state),
            (DeliveryRow.channel, filters.channel),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        if filters.before_id is not None:
            query = query.where(DeliveryRow.id < filters.before_id)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def waiting(self) -> int:
        """How many deliveries wait."""
        async with self._database.reading() as session:
            query = select(func.count()).where(DeliveryRow.state == WAITING)
            return await session.scalar(query) or 0

    async def next_due_ms(self, after_ms: int) -> int | None:
        """When the first delivery becomes due that was not due at `after_ms`."""
        async with self._database.reading() as session:
            return await session.scalar(
                select(func.min(DeliveryRow.next_attempt_ms)).where(
                    DeliveryRow.state == WAITING, DeliveryRow.next_attempt_ms > after_ms
                )
            )

    async def forget(self, before_ms: int) -> None:
        """Delete finished deliveries that are older than the log is kept."""
        async with self._database.writing() as session:
            await session.execute(delete(DeliveryRow).where(DeliveryRow.finished_ms < before_ms))


def _due(now: int, row: Any) -> Iterable[Any]:
    return (row.state == WAITING, row.next_attempt_ms <= now, row.leased_until_ms <= now)


def _after(row: DeliveryRow, attempt: Attempt, now: int) -> dict[str, Any]:
    """The delivery as it stands after an attempt."""
    attempts = row.attempts + 1
    state = WAITING
    if attempt.delivered:
        state = DeliveryState.DELIVERED
    elif attempt.gone or attempts >= row.attempts_allowed:
        state = DeliveryState.FAILED
    pause_ms = round(delay_seconds(attempts, attempt.retry_after_seconds) * 1000)
    return {
        "id": row.id,
        "state": state,
        "attempts": attempts,
        "next_attempt_ms": now + pause_ms,
        "finished_ms": None if state is WAITING else now,
        "last_status": attempt.status,
        "last_error": attempt.error[:2048],
        "leased_by": "",
        "leased_until_ms": 0,
    }


def _attempt_values(delivery_id: str, attempt: Attempt, now: int) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "at_ms": now,
        "delivered": attempt.delivered,
        "status": attempt.status,
        "latency_ms": attempt.latency_ms,
        "response": attempt.response,
        "error": attempt.error[:2048],
    }
