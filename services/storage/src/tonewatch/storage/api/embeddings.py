"""GET /v1/sessions/{session_id}/embeddings: those of its utterances, as a file of numpy."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from tonewatch.shared.errors import ConflictError, NotFoundError, TooLargeError
from tonewatch.shared.messages import Speaker
from tonewatch.storage.api.parameters import Key
from tonewatch.storage.api.sessions import require_session
from tonewatch.storage.api.views import PRIVATE
from tonewatch.storage.database import Database
from tonewatch.storage.embeddings import Place, bundle
from tonewatch.storage.models import Utterance

MOST_UTTERANCES: Final = 5000
"""Of one answer: some hours of speech, 20 MB at 1024 numbers each."""
MEDIA_TYPE: Final = "application/zip"


class EmbeddingFilter(BaseModel):
    """Parameters of /v1/sessions/{session_id}/embeddings."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker | None = Field(default=None, description="This speaker's alone")
    dimension: int | None = Field(
        default=None, ge=1, description="Length of the vectors, if the session has several"
    )
    from_ms: int = Field(
        default=0, ge=0, lt=2**63, description="Utterances that begin here or later"
    )
    to_ms: int = Field(default=2**63 - 1, ge=0, lt=2**63, description="... and before this")


def build_router(database: Database, data_dir: Path) -> APIRouter:
    """The route over the files of this folder."""
    router = APIRouter(tags=["similarity"])

    @router.get(
        "/sessions/{session_id}/embeddings",
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPE: {}}},
            404: {"description": "There is no such session, or it has no embeddings"},
            409: {"description": "They are of several lengths; says which"},
            413: {"description": "There are more than one answer holds; says how to go on"},
        },
    )
    async def show_embeddings(
        session_id: Key, asked: Annotated[EmbeddingFilter, Query()]
    ) -> Response:
        """As .npz: `embeddings`, and of each `speaker`, `number`, `start_ms` and `end_ms`."""
        places = await _places(database, session_id, asked)
        file, lengths = await asyncio.to_thread(bundle, data_dir, places, asked.dimension)
        if not file and asked.dimension is None and lengths:
            raise ConflictError(
                f"the embeddings of session {session_id} have {sorted(lengths)} numbers, for the "
                "model was changed meanwhile; choose with `dimension`"
            )
        if not file:
            raise NotFoundError(
                f"session {session_id} has no such embeddings: they are kept for sources whose "
                "label `embeddings` is `true`"
            )
        return Response(file, media_type=MEDIA_TYPE, headers=PRIVATE)

    return router


async def _places(database: Database, session_id: str, asked: EmbeddingFilter) -> list[Place]:
    model = Utterance
    query = select(model).where(
        model.session_id == session_id,
        model.embedding_path.is_not(None),
        model.start_ms >= asked.from_ms,
        model.start_ms < asked.to_ms,
    )
    if asked.speaker is not None:
        query = query.where(model.speaker == asked.speaker.value)
    async with database.read() as session:
        await require_session(session, session_id)
        ordered = query.order_by(model.start_ms, model.speaker).limit(MOST_UTTERANCES + 1)
        rows = (await session.scalars(ordered)).all()
    if len(rows) > MOST_UTTERANCES:
        raise TooLargeError(
            f"session {session_id} has more than {MOST_UTTERANCES} embeddings; ask for a part, "
            f"such as to_ms={rows[-1].start_ms}, and then for the rest with from_ms"
        )
    return [
        Place(row.speaker, row.number, row.start_ms, row.end_ms, row.embedding_path or "")
        for row in rows
    ]
