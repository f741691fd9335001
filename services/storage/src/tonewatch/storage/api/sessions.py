"""GET /v1/sessions, /v1/sessions/{session_id}, its timeline and its segments."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.errors import NotFoundError
from tonewatch.storage.api.conditions import choose_sessions
from tonewatch.storage.api.filters import SessionFilter
from tonewatch.storage.api.listing import page_query, page_rows
from tonewatch.storage.api.paging import Keyset
from tonewatch.storage.api.parameters import Key
from tonewatch.storage.api.segments import SegmentFilter, segments_of
from tonewatch.storage.api.summary import session_views
from tonewatch.storage.api.timeline import TimelineFilter, timeline_of
from tonewatch.storage.api.views import Page, Segments, SessionView, Timeline, as_json
from tonewatch.storage.database import Database
from tonewatch.storage.models import Session

KEYSETS: Final = {
    "time": Keyset("time", (Session.started_at, Session.session_id)),
    "name": Keyset("name", (Session.name, Session.session_id)),
}


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["sessions"])

    @router.get("/sessions", response_model=Page[SessionView])
    async def list_sessions(asked: Annotated[SessionFilter, Query()]) -> Response:
        """Sessions by their start (newest first) or by name."""
        keyset = KEYSETS[asked.sort]
        query = page_query(Session, keyset, asked, choose_sessions(asked))
        async with database.read() as session:
            rows, following = await page_rows(session, query, keyset, asked)
            items = await session_views(session, rows)
        return as_json(Page[SessionView](items=items, next_cursor=following))

    @router.get("/sessions/{session_id}")
    async def show_session(session_id: Key) -> SessionView:
        """One session: whether it is complete, and what was heard on the whole."""
        async with database.read() as session:
            found = await require_session(session, session_id)
            return (await session_views(session, [found]))[0]

    @router.get("/sessions/{session_id}/timeline", response_model=Timeline)
    async def show_timeline(session_id: Key, asked: Annotated[TimelineFilter, Query()]) -> Response:
        """The session second by second, in order, or as so many points of a chart."""
        async with database.read() as session:
            await require_session(session, session_id)
            return as_json(await timeline_of(session, session_id, asked))

    @router.get("/sessions/{session_id}/segments", response_model=Segments)
    async def show_segments(session_id: Key, asked: Annotated[SegmentFilter, Query()]) -> Response:
        """The session as stretches of one emotion, finer than a second."""
        async with database.read() as session:
            await require_session(session, session_id)
            return as_json(await segments_of(session, session_id, asked))

    return router


async def require_session(session: AsyncSession, session_id: str) -> Session:
    """The session's row.

    Raises:
        NotFoundError: there is none.
    """
    found = await session.get(Session, session_id)
    if found is None:
        raise NotFoundError(f"there is no session {session_id}")
    return found
