"""Routes of the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tonewatch.ingest.handlers.schemas import UtcTime
from tonewatch.ingest.sources import AuditLog


class AuditView(BaseModel):
    """One change of a source."""

    id: int
    at: UtcTime
    actor: str = Field(description="Who had signed in at the console")
    action: str = Field(examples=["source.changed"])
    source_id: str
    details: dict[str, Any]


class AuditList(BaseModel):
    """Changes, newest first."""

    items: list[AuditView]
    next_cursor: str | None


def audit_routes(audit: AuditLog) -> APIRouter:
    """Who changed what about which source."""
    router = APIRouter(prefix="/v1/audit", tags=["audit"])

    @router.get("")
    async def list_changes(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        source_id: Annotated[str | None, Query(max_length=128)] = None,
    ) -> AuditList:
        """The changes before the cursor, newest first."""
        found = await audit.latest(limit, cursor, source_id)
        items = [
            AuditView(
                id=entry.id,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                source_id=entry.source_id,
                details=entry.details,
            )
            for entry in found
        ]
        more = len(found) == limit
        return AuditList(items=items, next_cursor=str(found[-1].id) if more and found else None)

    return router
