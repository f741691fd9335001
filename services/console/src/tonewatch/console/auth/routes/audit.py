"""GET /api/v1/auth/audit: what has happened at the console."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tonewatch.console.auth.audit import shown_deed
from tonewatch.console.auth.door import Door


def audit_routes(door: Door) -> APIRouter:
    """Who signed in, changed accounts and keys, and wrote through the console."""
    router = APIRouter(prefix="/auth/audit", tags=["accounts"])

    @router.get("")
    async def list_deeds(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> dict[str, Any]:
        """Entries before the cursor, newest first."""
        rows = await door.audit.page(limit + 1, cursor)
        shown = rows[:limit]
        more = len(rows) > limit
        return {
            "items": list(map(shown_deed, shown)),
            "next_cursor": str(shown[-1].id) if more else None,
        }

    return router
