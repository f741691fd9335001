"""Which sessions are open: kept in the database, so that a killed ingest's get their end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.publishing import Outbox, SessionInfo
from tonewatch.ingest.tables import open_sessions
from tonewatch.shared.database import transaction
from tonewatch.shared.messages import Lane, Speaker


@dataclass(frozen=True, slots=True)
class OpenSession:
    """An open session, and how far it was when it was last looked at."""

    info: SessionInfo
    frames: int
    last_entry_id: str | None
    seen_at: datetime
    owner: str | None = None
    """The replica whose session it is, where several share the ledger."""


class Ledger:
    """The open sessions in the database; those that we open carry our name, if we have one."""

    def __init__(self, engine: AsyncEngine, owner: str | None = None) -> None:
        self._engine = engine
        self._owner = owner

    async def open(self, info: SessionInfo) -> None:
        """Note a session before its first message leaves."""
        values = {
            "session_id": info.session_id,
            "source_id": info.source_id,
            "name": info.name,
            "kind": info.kind,
            "lane": info.lane.value,
            "labels": info.labels,
            "speakers": [speaker.value for speaker in info.speakers],
            "started_at": info.started_at,
            "frames": 0,
            "last_entry_id": None,
            "seen_at": info.started_at,
            "owner": self._owner,
        }
        async with transaction(self._engine) as connection:
            await connection.execute(insert(open_sessions).values(**values))

    async def note_progress(self, outboxes: Sequence[Outbox], now: datetime) -> None:
        """Write down how far the sessions are, in one transaction."""
        query = (
            update(open_sessions)
            .where(open_sessions.c.session_id == bindparam("of_session"))
            .values(frames=bindparam("so_many"), last_entry_id=bindparam("newest"), seen_at=now)
        )
        rows = [
            {
                "of_session": outbox.info.session_id,
                "so_many": outbox.settled_seq,
                "newest": outbox.last_entry_id,
            }
            for outbox in outboxes
        ]
        async with transaction(self._engine) as connection:
            await connection.execute(query, rows)

    async def forget(self, session_id: str) -> None:
        """The session's end has been announced."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                delete(open_sessions).where(open_sessions.c.session_id == session_id)
            )

    async def claim(self, session: OpenSession) -> bool:
        """Make a dead replica's session ours; False if another one was faster."""
        async with transaction(self._engine) as connection:
            result = await connection.execute(
                update(open_sessions)
                .where(open_sessions.c.session_id == session.info.session_id)
                .where(open_sessions.c.owner.is_not_distinct_from(session.owner))
                .values(owner=self._owner)
            )
        return result.rowcount > 0

    async def not_of(self, owners: Collection[str]) -> list[OpenSession]:
        """Open sessions that belong to none of these replicas."""
        column = open_sessions.c.owner
        return await self._find(or_(column.is_(None), column.not_in(owners)))

    async def has_of_source(self, source_id: str) -> bool:
        """Whether a session of this source is open, whoever has it."""
        return bool(await self._find(open_sessions.c.source_id == source_id))

    async def all(self) -> list[OpenSession]:
        """All open sessions."""
        return await self._find(true())

    async def _find(self, condition: ColumnElement[bool]) -> list[OpenSession]:
        query = select(open_sessions).where(condition)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            OpenSession(
                info=SessionInfo(
                    session_id=row.session_id,
                    source_id=row.source_id,
                    name=row.name,
                    kind=row.kind,
                    started_at=row.started_at,
                    labels=row.labels,
                    lane=Lane(row.lane),
                    speakers=tuple(map(Speaker, row.speakers)),
                ),
                frames=row.frames,
                last_entry_id=row.last_entry_id,
                seen_at=row.seen_at,
                owner=row.owner,
            )
            for row in rows
        ]
