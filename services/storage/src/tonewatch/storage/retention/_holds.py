"""Legal holds: placed and released, each with an entry in the audit log."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update

from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConflictError, NotFoundError
from tonewatch.shared.ids import new_id
from tonewatch.storage.audit import record
from tonewatch.storage.database import Database
from tonewatch.storage.models import LegalHold
from tonewatch.storage.retention._labels import Label


async def place_hold(database: Database, target: str | Label, *, by: str, reason: str) -> LegalHold:
    """Keep one session, or all with a label, whatever retention and erasure say."""
    hold = LegalHold(
        hold_id=new_id(),
        session_id=target if isinstance(target, str) else None,
        label_name=None if isinstance(target, str) else target.name,
        label_value=None if isinstance(target, str) else target.value,
        reason=reason,
        placed_by=by,
        placed_at=utc_now(),
    )
    columns = LegalHold.__table__.columns.keys()
    async with database.write() as connection:
        await connection.execute(
            insert(LegalHold).values({name: getattr(hold, name) for name in columns})
        )
        await record(connection, by, "hold.placed", hold.hold_id, {"reason": reason})
    return hold


async def release_hold(database: Database, hold_id: str, *, by: str) -> LegalHold:
    """End a hold; its sessions age again as all others.

    Raises:
        NotFoundError: there is none with this id.
        ConflictError: it was released before.
    """
    async with database.read() as session:
        hold = await session.get(LegalHold, hold_id)
    if hold is None:
        raise NotFoundError(f"there is no legal hold {hold_id}")
    now = utc_now()
    async with database.write() as connection:
        released = await connection.execute(
            update(LegalHold)
            .where(LegalHold.hold_id == hold_id, LegalHold.released_at.is_(None))
            .values(released_by=by, released_at=now)
        )
        if not released.rowcount:
            raise ConflictError(f"legal hold {hold_id} was released already")
        await record(connection, by, "hold.released", hold_id, {})
    hold.released_by, hold.released_at = by, now
    return hold


async def active_holds(database: Database) -> Sequence[LegalHold]:
    """All holds in force, newest first."""
    query = select(LegalHold).where(LegalHold.released_at.is_(None))
    async with database.read() as session:
        return (await session.scalars(query.order_by(LegalHold.placed_at.desc()))).all()
