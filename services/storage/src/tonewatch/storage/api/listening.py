"""GET /v1/sessions/{session_id}/audio and /listening: a live call, for those who may hear it."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from tonewatch.shared.acting import named
from tonewatch.shared.errors import ConflictError
from tonewatch.shared.messages import Lane, SessionState, Speaker, Track
from tonewatch.storage.api.parameters import Key
from tonewatch.storage.api.sessions import require_session
from tonewatch.storage.api.views import PRIVATE, View
from tonewatch.storage.database import Database
from tonewatch.storage.listening import Listeners
from tonewatch.storage.models import Session


class ListeningFilter(BaseModel):
    """Parameters of /v1/sessions/{session_id}/audio."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker = Field(default=Speaker.MIXED, description="Whose voice")
    by: str | None = Field(
        default=None, max_length=128, description="Who listens, for the audit log"
    )


class Listening(View):
    """Whom one may listen to just now."""

    speakers: list[Speaker] = Field(description="Nobody, unless the call goes on and it is allowed")


def build_router(database: Database, listeners: Listeners) -> APIRouter:
    """The routes over these listeners."""
    router = APIRouter(tags=["sessions"])

    @router.get("/sessions/{session_id}/listening")
    async def show_listening(session_id: Key) -> Listening:
        """Which speakers of the call may be listened to just now."""
        async with database.read() as session:
            found = await require_session(session, session_id)
        speakers = [Speaker(each) for each in found.speakers] if _goes_on(found) else []
        return Listening(speakers=listeners.may_be_heard(found.labels, speakers))

    @router.get(
        "/sessions/{session_id}/audio",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"audio/wav": {}}},
            403: {"description": "This voice may not be listened to"},
            404: {"description": "There is no such session"},
            409: {"description": "The call is over, or is a recording"},
            503: {"description": "Too many listen already, or a database or Redis is away"},
        },
    )
    async def listen(
        session_id: Key, asked: Annotated[ListeningFilter, Query()]
    ) -> StreamingResponse:
        """The call from now on, as WAV (16 kHz, mono) that ends with it; audited."""
        who = named(asked.by)
        async with database.read() as session:
            found = await require_session(session, session_id)
        if not _goes_on(found):
            raise ConflictError(
                f"session {session_id} is over or a recording: only calls that go on can be "
                "listened to; clips around its alerts are kept if `evidence` is asked for"
            )
        track = Track(session_id=session_id, speaker=asked.speaker)
        audio = await listeners.listen(track, found.labels, who)
        return StreamingResponse(audio, media_type="audio/wav", headers=PRIVATE)

    return router


def _goes_on(session: Session) -> bool:
    return session.state == SessionState.STARTED.value and session.lane == Lane.LIVE.value
