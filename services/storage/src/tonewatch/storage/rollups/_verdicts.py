"""Verdicts on alerts, counted by hour, rule and agent."""

from datetime import UTC
from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.models import Alert, AlertHour

VERDICTS: Final = ("right", "false_alarm", "needs_coaching")


async def count_verdict(connection: AsyncConnection, alert: Alert, verdict: str | None) -> None:
    """Count a new verdict on an alert, in place of the one that its row still carries.

    Call it in the transaction that changes the row, with the row locked.
    """
    changes = {
        f"{name}_verdicts": getattr(AlertHour, f"{name}_verdicts")
        + int(name == verdict)
        - int(name == alert.verdict)
        for name in VERDICTS
        if (name == verdict) != (name == alert.verdict)
    }
    if not changes:
        return
    hour = alert.started_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    await connection.execute(
        update(AlertHour)
        .where(
            AlertHour.hour == hour,
            AlertHour.rule == alert.rule,
            AlertHour.agent_id == (alert.agent_id or ""),
            AlertHour.queue == (alert.queue or ""),
        )
        .values(changes)
    )
