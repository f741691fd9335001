"""What is written once attempts have ended: the deliveries, the attempts, how receivers fare."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.payload import TEST_NOTICE
from tonewatch.alerting.delivery.schedule import delay_seconds
from tonewatch.alerting.delivery.tables import (
    ATTEMPTS,
    DELIVERIES,
    DeliveryRow,
    DeliveryState,
    ReceiverRow,
)

MOST_ERROR: Final = 2048
"""Kept of an error's text, in characters."""

_AFTER: Final = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("of_id"))
    .values(
        state=bindparam("to_state"),
        attempts=bindparam("of_attempts"),
        next_attempt_ms=bindparam("next_ms"),
        finished_ms=bindparam("ended_ms"),
        first_sent_ms=func.coalesce(DELIVERIES.c.first_sent_ms, bindparam("sent_ms")),
        last_status=bindparam("status"),
        last_error=bindparam("error"),
        leased_by="",
    )
)


async def write_ended(
    session: AsyncSession, ended: Sequence[tuple[DeliveryRow, Attempt]], now: int
) -> None:
    """Write down attempts that have ended."""
    await session.execute(_AFTER, [_after(row, attempt, now) for row, attempt in ended])
    tried = [(row, attempt) for row, attempt in ended if not attempt.expired]
    if tried:
        values = [_attempt_values(row, attempt, now) for row, attempt in tried]
        await session.execute(insert(ATTEMPTS), values)
    await _note_receivers(session, tried, now)


def _after(row: DeliveryRow, attempt: Attempt, now: int) -> dict[str, Any]:
    """The delivery as it stands after an attempt."""
    attempts = row.attempts + (0 if attempt.expired else 1)
    state = DeliveryState.WAITING
    if attempt.delivered:
        state = DeliveryState.DELIVERED
    elif attempt.expired:
        state = DeliveryState.EXPIRED
    elif attempt.gone or attempts >= row.attempts_allowed:
        state = DeliveryState.FAILED
    next_ms = now + round(delay_seconds(attempts, attempt.retry_after_seconds) * 1000)
    if row.expires_ms is not None:
        next_ms = min(next_ms, max(row.expires_ms, now))
    return {
        "of_id": row.id,
        "to_state": state.value,
        "of_attempts": attempts,
        "next_ms": next_ms,
        "ended_ms": None if state is DeliveryState.WAITING else now,
        "sent_ms": now if attempt.delivered else None,
        "status": attempt.status,
        "error": attempt.error[:MOST_ERROR],
    }


def _attempt_values(row: DeliveryRow, attempt: Attempt, now: int) -> dict[str, Any]:
    return {
        "delivery_id": row.id,
        "at_ms": now,
        "delivered": attempt.delivered,
        "status": attempt.status,
        "latency_ms": attempt.latency_ms,
        "response": attempt.response,
        "error": attempt.error[:MOST_ERROR],
        "request_headers": dict(attempt.request_headers),
        "request_body": attempt.request_body,
        "joined": attempt.joined,
    }


async def _note_receivers(
    session: AsyncSession, tried: Iterable[tuple[DeliveryRow, Attempt]], now: int
) -> None:
    """Since when a receiver has only failed; tests do not count."""
    succeeded: dict[str, bool] = {}
    for row, attempt in tried:
        if row.notice != TEST_NOTICE:
            succeeded[row.receiver] = succeeded.get(row.receiver, False) or attempt.delivered
    fine = [receiver for receiver, is_fine in succeeded.items() if is_fine]
    if fine:
        await session.execute(
            update(ReceiverRow)
            .where(ReceiverRow.receiver.in_(fine), ReceiverRow.failing_since_ms.is_not(None))
            .values(failing_since_ms=None)
        )
    failing = [receiver for receiver, is_fine in succeeded.items() if not is_fine]
    if failing:
        await _mark_failing(session, failing, now)


async def _mark_failing(session: AsyncSession, receivers: Sequence[str], now: int) -> None:
    dialect = session.get_bind().dialect.name
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = build(ReceiverRow)
    since = func.coalesce(ReceiverRow.failing_since_ms, statement.excluded.failing_since_ms)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["receiver"], set_={"failing_since_ms": since}
        ),
        [
            {"receiver": receiver, "paced_until_ms": 0, "failing_since_ms": now}
            for receiver in receivers
        ],
    )
