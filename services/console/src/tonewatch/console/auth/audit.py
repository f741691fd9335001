"""The audit log of the console: sign-ins, accounts, keys, links, and every write through it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select

from tonewatch.console.auth.principal import Principal
from tonewatch.console.auth.tables import AuditRow
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.database import Database


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, or tried."""

    action: str
    """Such as `sign-in`, `account.added`, or `request` for a write to a service."""
    subject: str = ""
    """What it was done to: a name, an id, or method and path."""
    status: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Audit:
    """Writes and reads the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, deed: Deed, principal: Principal | None, address: str) -> None:
        """Write down what somebody did."""
        await self.note_by(
            deed,
            "" if principal is None else principal.name,
            "" if principal is None else principal.via,
            address,
        )

    async def note_by(self, deed: Deed, who: str, via: str, address: str) -> None:
        """Write down what somebody did whom only a name tells."""
        row = AuditRow(
            at_ms=now_ms(),
            who=who[:128],
            via=via,
            action=deed.action,
            subject=deed.subject[:512],
            status=deed.status,
            address=address[:64],
            detail=deed.detail,
        )
        async with self._database.writing() as session:
            session.add(row)

    async def page(self, limit: int, before: int | None) -> Sequence[AuditRow]:
        """Entries before a number, newest first."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.id < before)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def forget(self, before_ms: int) -> None:
        """Remove what is older."""
        async with self._database.writing() as session:
            await session.execute(delete(AuditRow).where(AuditRow.at_ms < before_ms))


def shown_deed(row: AuditRow) -> dict[str, Any]:
    """An entry as answers show it."""
    return {
        "id": row.id,
        "at": iso_of(row.at_ms),
        "who": row.who,
        "via": row.via,
        "action": row.action,
        "subject": row.subject,
        "status": row.status,
        "address": row.address,
        "detail": row.detail,
    }
