"""Routes that show what sources go through: as it happens, and lately."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tonewatch.ingest.catalog import Catalog
from tonewatch.ingest.declaring import Declaring
from tonewatch.ingest.handlers.schemas import SourceHistory, TransitionView, UtcTime
from tonewatch.ingest.live import Feed
from tonewatch.shared.errors import ConfigurationError, InvalidInputError, NotFoundError
from tonewatch.shared.sse import stream

HEARTBEAT_SECONDS: Final = 5.0
"""Half of what the console waits for a service that says nothing."""


class SourcesFile(BaseModel):
    """The sources file, as it was when it was last read."""

    path: str
    read_at: UtcTime
    error: str | None = Field(description="Why its last change was not taken over")


class ReloadView(BaseModel):
    """What reading the sources file again changed, by the ids of sources."""

    added: list[str]
    changed: list[str]
    removed: list[str]


def declaring_routes(declaring: Declaring | None) -> APIRouter:
    """The sources file: how it is, and read it again."""
    router = APIRouter(prefix="/v1/sources-file", tags=["sources"])

    def there() -> Declaring:
        if declaring is None:
            raise NotFoundError("there is no sources file; set ingest.sources_file")
        return declaring

    @router.get("")
    async def sources_file() -> SourcesFile:
        """Whether the file was taken over."""
        state = there().state
        return SourcesFile(path=str(state.path), read_at=state.read_at, error=state.error)

    @router.post("/reload")
    async def reload() -> ReloadView:
        """Read the file now; a bad one changes nothing and is told."""
        try:
            done = await there().reload()
        except ConfigurationError as error:
            raise InvalidInputError(error.message) from error
        return ReloadView(added=done.added, changed=done.changed, removed=done.removed)

    return router


def watching_routes(catalog: Catalog, feed: Feed) -> APIRouter:
    """Watch all sources; look back at one."""
    router = APIRouter(prefix="/v1/sources", tags=["sources"])

    @router.get("/events")
    async def watch_sources(
        after: Annotated[str | None, Query(max_length=64)] = None,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Changes of state as server-sent events `source`; after `reset`, list the sources anew."""
        viewer = feed.watch(last_event_id or after)
        return stream(viewer, feed.leave, heartbeat_seconds=HEARTBEAT_SECONDS)

    @router.get("/{source_id}/history")
    async def source_history(source_id: str) -> SourceHistory:
        """What the source went through, with reasons: its newest 100 changes of state."""
        _, status = await catalog.get(source_id)
        return SourceHistory(
            items=[
                TransitionView(at=each.at, state=each.state, reason=each.reason)
                for each in reversed(status.history)
            ]
        )

    return router
