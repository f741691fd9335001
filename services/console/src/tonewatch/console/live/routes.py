"""The live view over HTTP: what goes on now, and the stream of changes since."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from tonewatch.console.live.hub import Hub, Viewer

RETRY = b"retry: 1000\n\n"


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
        viewer = hub.watch(last_event_id or after)
        return StreamingResponse(
            _frames(hub, viewer, heartbeat_seconds),
            media_type="text/event-stream",
            # proxies must pass events on at once
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


async def _frames(hub: Hub, viewer: Viewer, heartbeat_seconds: float) -> AsyncIterator[bytes]:
    try:
        yield RETRY
        async for batch in viewer.batches(heartbeat_seconds):
            yield batch or hub.status()
    finally:
        hub.leave(viewer)
