"""Which deliveries are taken next: due ones, in order, as many as their receiver may get."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, bindparam, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from tonewatch.alerting.delivery.pace import Pace
from tonewatch.alerting.delivery.tables import DeliveryRow, DeliveryState, ReceiverRow

LEASE_MS: Final = 90_000
"""Longer than the longest attempt (60 s) and what is written after it."""

MOST_JOINED: Final = 200
"""Deliveries in one digest."""

ORPHANED: Final = "not sent: what it follows was not delivered"

WAITING: Final = DeliveryState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many deliveries of a receiver are wanted, and what the receiver may get."""

    receiver: str
    count: int
    pace: Pace | None = None
    joins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What was taken for a receiver: the deliveries of each message to send.

    Attributes:
        receiver: its id.
        messages: each a list of deliveries, more than one where they are joined.
        again_ms: when the receiver may get more, if its pace holds it back.
    """

    receiver: str
    messages: list[list[DeliveryRow]] = field(default_factory=list)
    again_ms: int | None = None


class Due(NamedTuple):
    """What waits for a receiver."""

    is_due: bool
    next_ms: int | None
    """When something becomes due that is not due now."""


async def due_receivers(session: AsyncSession, now: int) -> dict[str, Due]:
    """Every receiver that something waits for.

    The index is skipped through from receiver to receiver (a "loose index scan"), so that the time
    does not grow with the number of deliveries that wait.
    """
    rows = await session.execute(_DUE, {"at_ms": now})
    return {receiver: Due(first_ms <= now, next_ms) for receiver, first_ms, next_ms in rows}


async def lease(session: AsyncSession, demand: Demand, *, owner: str, now: int) -> Lease:
    """Take due deliveries of a receiver, the oldest first, until `now + LEASE_MS`."""
    if demand.pace is None:
        rows = await _take(session, demand.receiver, demand.count, owner, now)
        return Lease(receiver=demand.receiver, messages=[[row] for row in rows])
    paced_until = await _lock_pace(session, demand.receiver)
    allowed = demand.pace.allowed(paced_until, now)
    again_ms = demand.pace.next_ms(paced_until)
    if allowed == 0:
        return Lease(receiver=demand.receiver, again_ms=again_ms)
    count = MOST_JOINED if demand.joins else min(demand.count, allowed)
    rows = await _take(session, demand.receiver, count, owner, now)
    messages = join(rows, allowed)
    if messages:
        paced_until = demand.pace.after(paced_until, now, len(messages))
        await session.execute(
            update(ReceiverRow)
            .where(ReceiverRow.receiver == demand.receiver)
            .values(paced_until_ms=paced_until)
        )
    return Lease(
        receiver=demand.receiver,
        messages=messages,
        again_ms=max(now, demand.pace.next_ms(paced_until)),
    )


def join(rows: list[DeliveryRow], messages: int) -> list[list[DeliveryRow]]:
    """The deliveries in so many messages at most: each alone, and in the last whatever is over."""
    if len(rows) <= messages:
        return [[row] for row in rows]
    alone = messages - 1
    return [*([row] for row in rows[:alone]), rows[alone:]]


async def _lock_pace(session: AsyncSession, receiver: str) -> int:
    """The receiver's number; other replicas wait until the transaction ends."""
    changed = await session.execute(
        update(ReceiverRow)
        .where(ReceiverRow.receiver == receiver)
        .values(receiver=receiver)
        .returning(ReceiverRow.paced_until_ms)
    )
    known = changed.scalar_one_or_none()
    if known is None:
        await session.execute(insert(ReceiverRow), [{"receiver": receiver, "paced_until_ms": 0}])
    return known or 0


async def _take(
    session: AsyncSession, receiver: str, count: int, owner: str, now: int
) -> list[DeliveryRow]:
    values = {
        "of_receiver": receiver,
        "at_ms": now,
        "until_ms": now + LEASE_MS,
        "by_owner": owner,
        "at_most": count,
    }
    taken = await session.scalars(_TAKE, values, execution_options={"synchronize_session": False})
    rows = sorted(taken, key=lambda row: row.id)
    orphans = await _orphans(session, rows, now)
    return [row for row in rows if row.id not in orphans]


async def _orphans(session: AsyncSession, rows: Sequence[DeliveryRow], now: int) -> frozenset[str]:
    """Those that follow a delivery which was given up; they are given up, too."""
    follows = {row.id: row.after_id for row in rows if row.after_id is not None}
    if not follows:
        return frozenset()
    given_up = set(
        await session.scalars(
            select(DeliveryRow.id).where(
                DeliveryRow.id.in_(follows.values()),
                DeliveryRow.state.in_((DeliveryState.FAILED, DeliveryState.EXPIRED)),
                DeliveryRow.first_sent_ms.is_(None),
            )
        )
    )
    orphans = [row_id for row_id, after_id in follows.items() if after_id in given_up]
    if orphans:
        await session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(orphans))
            .values(state=DeliveryState.FAILED, finished_ms=now, leased_by="", last_error=ORPHANED)
            .execution_options(synchronize_session=False)
        )
    return frozenset(orphans)


def _unindexed_waits(row: Any) -> Any:
    """That a row waits, told so that SQLite does not look for it by the index of states.

    It would find all that waits, where the id or the alert finds a row or two.
    """
    return func.coalesce(row.state, "") == WAITING


def _take_statement() -> Any:
    # aliases keep the inner queries apart from the row that is updated
    candidate, older = aliased(DeliveryRow), aliased(DeliveryRow)
    now = bindparam("at_ms", type_=BigInteger())
    older_waits = _unindexed_waits(older)
    is_behind = exists().where(
        older.alert_id == candidate.alert_id,
        older.receiver == candidate.receiver,
        older.id < candidate.id,
        older_waits,
    )
    follows = exists().where(older.id == candidate.after_id, older_waits)
    chosen = (
        select(candidate.id)
        .where(
            candidate.state == WAITING,
            candidate.receiver == bindparam("of_receiver"),
            candidate.next_attempt_ms <= now,
            ~is_behind,
            ~follows,
        )
        .order_by(candidate.next_attempt_ms, candidate.id)
        .limit(bindparam("at_most"))
    )
    return (
        update(DeliveryRow)
        .where(
            DeliveryRow.id.in_(chosen),
            # again, for PostgreSQL: another replica may have taken them meanwhile
            _unindexed_waits(DeliveryRow),
            DeliveryRow.next_attempt_ms <= now,
        )
        .values(leased_by=bindparam("by_owner"), next_attempt_ms=bindparam("until_ms"))
        .returning(DeliveryRow)
    )


_TAKE: Final = _take_statement()
"""Built once: putting it together takes longer than running it."""


def _due_statement() -> Any:
    waits = DeliveryRow.state == WAITING
    names = select(func.min(DeliveryRow.receiver).label("receiver")).where(waits)
    found = names.cte("waiting_receivers", recursive=True)
    following = select(func.min(DeliveryRow.receiver)).where(
        waits, DeliveryRow.receiver > found.c.receiver
    )
    found = found.union_all(
        select(following.scalar_subquery()).where(found.c.receiver.is_not(None))
    )
    own = select(func.min(DeliveryRow.next_attempt_ms)).where(
        waits, DeliveryRow.receiver == found.c.receiver
    )
    later = own.where(DeliveryRow.next_attempt_ms > bindparam("at_ms"))
    return select(found.c.receiver, own.scalar_subquery(), later.scalar_subquery()).where(
        found.c.receiver.is_not(None)
    )


_DUE: Final = _due_statement()
