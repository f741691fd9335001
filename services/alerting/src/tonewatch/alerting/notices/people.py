"""What people do with an alert: acknowledge, assign, comment, close with a verdict.

Each act is a line of the alert's history, which only grows. Two people at once: the second who
acknowledges learns who was first; assigning and closing can name the version that was looked at,
and fail if somebody else has changed the alert meanwhile.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.database import require
from tonewatch.alerting.notices.ledger import event_values
from tonewatch.alerting.notices.model import AlertVerdict, Event, EventKind
from tonewatch.alerting.notices.tables import AlertRow, EventRow
from tonewatch.alerting.notices.turn import taking_turn
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ConflictError


class AlertChangedError(ConflictError):
    """Somebody else has changed the alert meanwhile."""

    def __init__(self, row: AlertRow, message: str) -> None:
        super().__init__(message)
        self.row = row


class People:
    """Changes alerts on behalf of people.

    Each method returns the alert as it stands afterwards, and raises NotFoundError if there is no
    such alert and UnavailableError if the database is away.
    """

    def __init__(self, database: Database, clock: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._clock = clock

    async def acknowledge(self, alert_id: str, by: str, comment: str = "") -> tuple[AlertRow, bool]:
        """Say that somebody looks after it: no repeats, no escalation.

        Returns:
            The alert, and whether this was the first to acknowledge; if not, nothing has changed.
        """
        now = self._clock()
        async with taking_turn(self._database) as session:
            row = await _get(session, alert_id)
            if row.acknowledged_ms is not None:
                return row, False
            changes = {"acknowledged_by": by, "acknowledged_ms": now}
            detail = {"comment": comment} if comment else {}
            event = Event(alert_id, now, EventKind.ACKNOWLEDGED, by, detail)
            return await _change(session, row, event, changes), True

    async def assign(
        self, alert_id: str, by: str, to: str | None, version: int | None = None
    ) -> AlertRow:
        """Give it to somebody, or to nobody.

        Raises:
            AlertChangedError: `version` is not the alert's.
        """
        async with taking_turn(self._database) as session:
            row = await _get(session, alert_id, version)
            if row.assigned_to == to:
                return row
            event = Event(alert_id, self._clock(), EventKind.ASSIGNED, by, {"to": to})
            return await _change(session, row, event, {"assigned_to": to})

    async def comment(self, alert_id: str, by: str, text: str) -> AlertRow:
        """Add a remark."""
        async with taking_turn(self._database) as session:
            row = await _get(session, alert_id)
            # no new version: a remark contradicts nothing that others are about to do
            event = Event(alert_id, self._clock(), EventKind.COMMENTED, by, {"comment": text})
            await _record(session, event)
            return row

    async def close(
        self,
        alert_id: str,
        by: str,
        verdict: AlertVerdict,
        comment: str = "",
        version: int | None = None,
    ) -> AlertRow:
        """Say what it was; whoever has not been told need not be told any more.

        A verdict can be corrected by naming the version that is corrected.

        Raises:
            AlertChangedError: `version` is not the alert's, or it is closed already.
        """
        now = self._clock()
        async with taking_turn(self._database) as session:
            row = await _get(session, alert_id, version)
            if row.closed_ms is not None and version is None:
                if (row.verdict, row.closed_by) == (verdict, by):
                    return row
                raise AlertChangedError(
                    row,
                    f"alert {alert_id} was closed by {row.closed_by} as {row.verdict}; "
                    "to correct that, name its `version`",
                )
            changes: dict[str, Any] = {
                "verdict": verdict.value,
                "closed_by": by,
                "closed_ms": now,
                "verdict_waits": True,
            }
            if row.acknowledged_ms is None:
                changes |= {"acknowledged_by": by, "acknowledged_ms": now}
            detail = {"verdict": verdict.value} | ({"comment": comment} if comment else {})
            event = Event(alert_id, now, EventKind.CLOSED, by, detail)
            closed = await _change(session, row, event, changes)
            await _look_at_those_it_mutes(session, alert_id, now)
            return closed


async def _get(session: AsyncSession, alert_id: str, version: int | None = None) -> AlertRow:
    row = await require(session, AlertRow, alert_id, "alert")
    if version is not None and version != row.version:
        raise AlertChangedError(
            row,
            f"alert {alert_id} has version {row.version} by now, not {version}; look at it again",
        )
    return row


async def _change(
    session: AsyncSession, row: AlertRow, event: Event, changes: dict[str, Any]
) -> AlertRow:
    for name, value in changes.items():
        setattr(row, name, value)
    row.version += 1
    if row.look_ms is not None:
        row.look_ms = event.at_ms
    await session.flush()
    await _record(session, event)
    return row


async def _record(session: AsyncSession, event: Event) -> None:
    await session.execute(insert(EventRow), [event_values(event)])


async def _look_at_those_it_mutes(session: AsyncSession, alert_id: str, now: int) -> None:
    await session.execute(
        update(AlertRow)
        .where(AlertRow.hold_by == alert_id, AlertRow.look_ms.is_not(None))
        .values(look_ms=now)
    )


def shown_person(by: str | None, at_ms: int | None) -> dict[str, Any] | None:
    """Who did something and when, as answers show it."""
    return None if at_ms is None else {"by": by, "at": iso_of(at_ms)}
