"""The live view over HTTP: what goes on now, and the stream of changes since."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from tonewatch.console.live.hub import Hub
from tonewatch.shared.sse import stream


def live_router(hub: Hub, *, heartbeat_seconds: float) -> APIRouter:
    """Routes /api/v1/live and /api/v1/events."""
    router = APIRouter(prefix="/api/v1", tags=["live"])

    @router.get("/live")
    async def live() -> dict[str, Any]:
        """Live sessions with the ribbons of their last minutes, newest alerts, and a cursor.

        Pass the cursor to /api/v1/events?after= to go on from exactly here. In a ribbon, `codes`
        has one character per second: 0-8 number the emotions, `-` is no speech, `x` is a gap.
        """
        return {
            "cursor": hub.cursor,
            "status": hub.status_data(),
            **hub.board.public(time.time_ns() // 10**6),
        }

    @router.get("/events")
    async def events(
        after: Annotated[str | None, Query(max_length=64)] = None,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Server-sent events: score, gap, alert, session; status as heartbeat; reset.

        After `reset` the cursor is void: ask /api/v1/live again.
        """
        return stream(
            hub.watch(last_event_id or after),
            hub.leave,
            heartbeat_seconds=heartbeat_seconds,
            heartbeat=hub.status,
        )

    return router
