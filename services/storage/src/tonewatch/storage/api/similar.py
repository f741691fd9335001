"""GET /v1/sessions/{session_id}/similar and POST /v1/similar: calls that sound alike."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from tonewatch.shared.messages import Speaker
from tonewatch.storage.api.parameters import Key
from tonewatch.storage.api.sessions import require_session
from tonewatch.storage.api.summary import session_views
from tonewatch.storage.api.views import SessionView, View
from tonewatch.storage.database import Database
from tonewatch.storage.embeddings import Alike, Similar
from tonewatch.storage.models import Session

LARGEST_VECTOR = 8192


class SimilarFilter(BaseModel):
    """Parameters of a similarity search."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker | None = Field(default=None, description="Compare this speaker's voice alone")
    limit: int = Field(default=20, ge=1, le=100, description="Sessions")


class VectorBody(SimilarFilter):
    """A search by a vector of one's own."""

    vector: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(
        min_length=1, max_length=LARGEST_VECTOR, description="As long as the embeddings"
    )


class SimilarSession(View):
    """A session and how much it is like what was asked."""

    similarity: float = Field(description="Mean cosine of its utterances, -1 to 1")
    utterances: int = Field(description="Utterances that were compared")
    session: SessionView


class SimilarSessions(View):
    """Sessions, the most similar first."""

    items: list[SimilarSession]


def build_router(database: Database, alike: Similar) -> APIRouter:
    """The routes over these embeddings."""
    router = APIRouter(tags=["similarity"])

    @router.get("/sessions/{session_id}/similar")
    async def similar_to_session(
        session_id: Key, asked: Annotated[SimilarFilter, Query()]
    ) -> SimilarSessions:
        """Sessions that sound like this one, by the embeddings of their utterances."""
        async with database.read() as session:
            await require_session(session, session_id)
        found = await alike.to_session(session_id, asked.speaker, asked.limit)
        return await _answer(database, found)

    @router.post("/similar")
    async def similar_to_vector(body: VectorBody) -> SimilarSessions:
        """Sessions that sound like a vector, such as an embedding computed elsewhere."""
        found = await alike.to_vector(body.vector, body.speaker, body.limit)
        return await _answer(database, found)

    return router


async def _answer(database: Database, found: list[Alike]) -> SimilarSessions:
    wanted = [alike.session_id for alike in found]
    async with database.read() as session:
        rows = (await session.scalars(select(Session).where(Session.session_id.in_(wanted)))).all()
        views = {view.session_id: view for view in await session_views(session, rows)}
    items = [
        SimilarSession(
            similarity=alike.similarity,
            utterances=alike.utterances,
            session=views[alike.session_id],
        )
        for alike in found
        if alike.session_id in views
    ]
    return SimilarSessions(items=items)
