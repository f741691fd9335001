"""The audit log: what people did to what is stored."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.clock import utc_now
from tonewatch.storage.models import AuditEntry


async def record(
    connection: AsyncConnection, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Add an entry, in the transaction of what it tells of."""
    await connection.execute(
        insert(AuditEntry).values(
            at=utc_now(), actor=actor, action=action, subject=subject, detail=detail
        )
    )
