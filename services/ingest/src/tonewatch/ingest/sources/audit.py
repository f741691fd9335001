"""Who changed what about a source: kept, never changed, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.tables import audit
from tonewatch.shared.clock import utc_now
from tonewatch.shared.database import transaction


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change."""

    id: int
    at: datetime
    actor: str
    action: str
    source_id: str
    details: dict[str, Any]


class AuditLog:
    """The changes in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def note(
        self, actor: str, action: str, source_id: str, details: dict[str, Any] | None = None
    ) -> None:
        """Keep a change; `details` hold no secrets."""
        values = {
            "at": utc_now(),
            "actor": actor,
            "action": action,
            "source_id": source_id,
            "details": details or {},
        }
        async with transaction(self._engine) as connection:
            await connection.execute(insert(audit).values(**values))

    async def latest(
        self, limit: int, before: int | None = None, source_id: str | None = None
    ) -> list[AuditEntry]:
        """The newest changes with an id below `before`, of one source or all."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        if source_id is not None:
            query = query.where(audit.c.source_id == source_id)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [AuditEntry(**row._mapping) for row in rows]  # noqa: SLF001 - its public name
