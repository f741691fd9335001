"""GET /v1/sessions, /v1/sessions/{session_id}, its timeline and its segments."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.errors import NotFoundError
from tonewatch.storage.api.filters import SessionFilter, session_conditions
from tonewatch.storage.api.paging import Keyset, cut
from tonewatch.storage.api.segments import SegmentFilter, segments_of
from tonewatch.storage.api.summary import session_views
from tonewatch.storage.api.timeline import TimelineFilter, timeline_of
from tonewatch.storage.api.views import Page, Segments, SessionView, Timeline
from tonewatch.storage.database import Database
from tonewatch.storage.models import Session

KEYSET = Keyset(Session.started_at, Session.session_id)


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["sessions"])

    @router.get("/sessions")
    async def list_sessions(asked: Annotated[SessionFilter, Query()]) -> Page[SessionView]:
        """Sessions by their start, newest first."""
        query = KEYSET.page(
            select(Session).where(*session_conditions(asked)),
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
        )
        async with database.read() as session:
            found = (await session.scalars(query)).all()
            rows, following = cut(found, asked.limit, lambda row: KEYSET.cursor(row, asked.order))
            return Page[SessionView](
                items=await session_views(session, rows), next_cursor=following
            )

    @router.get("/sessions/{session_id}")
    async def show_session(session_id: str) -> SessionView:
        """One session: whether it is complete, and what was heard on the whole."""
        async with database.read() as session:
            found = await _require(session, session_id)
            return (await session_views(session, [found]))[0]

    @router.get("/sessions/{session_id}/timeline")
    async def show_timeline(session_id: str, asked: Annotated[TimelineFilter, Query()]) -> Timeline:
        """The session second by second, in order."""
        async with database.read() as session:
            await _require(session, session_id)
            return await timeline_of(session, session_id, asked)

    @router.get("/sessions/{session_id}/segments")
    async def show_segments(session_id: str, asked: Annotated[SegmentFilter, Query()]) -> Segments:
        """The session as stretches of one emotion, finer than a second."""
        async with database.read() as session:
            await _require(session, session_id)
            return await segments_of(session, session_id, asked)

    return router


async def _require(session: AsyncSession, session_id: str) -> Session:
    found = await session.get(Session, session_id)
    if found is None:
        raise NotFoundError(f"there is no session {session_id}")
    return found
