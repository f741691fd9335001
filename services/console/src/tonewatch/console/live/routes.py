"""The live view over HTTP: what goes on now, and the stream of changes since."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from tonewatch.console.auth.principal import principal_of
from tonewatch.console.live.events import EventName
from tonewatch.console.live.hub import Hub
from tonewatch.console.live.watchers import Watchers
from tonewatch.shared.clock import now_ms
from tonewatch.shared.sse import stream


def live_router(hub: Hub, watchers: Watchers, *, heartbeat_seconds: float) -> APIRouter:
    """Routes /api/v1/live and /api/v1/events; each shows what whoever asks may see."""
    router = APIRouter(prefix="/api/v1", tags=["live"])

    @router.get("/live")
    async def live(request: Request, *, sessions: bool = True) -> dict[str, Any]:
        """Live sessions with the ribbons of their last minutes, newest alerts, and a cursor.

        With `sessions=false` the alerts alone.

        Pass the cursor to /api/v1/events?after= to go on from exactly here. In a ribbon, `codes`
        has one character per second: 0-8 number the emotions, `-` is no speech, `x` is a gap.
        """
        return {
            "cursor": hub.cursor,
            "status": hub.status_data(),
            **hub.board.public(now_ms(), principal_of(request).sees, with_sessions=sessions),
        }

    @router.get("/events")
    async def events(
        request: Request,
        after: Annotated[str | None, Query(max_length=64)] = None,
        only: Annotated[list[EventName] | None, Query(max_length=8)] = None,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Server-sent events: score, utterance, gap, alert, session; status as heartbeat; reset.

        With `only=alert` (once for each name) just those; status and reset come all the same.
        After `reset` the cursor is void: ask /api/v1/live again.
        """
        return stream(
            watchers.watch(
                principal_of(request), last_event_id or after, frozenset(only) if only else None
            ),
            watchers.leave,
            heartbeat_seconds=heartbeat_seconds,
            heartbeat=hub.status,
        )

    return router
