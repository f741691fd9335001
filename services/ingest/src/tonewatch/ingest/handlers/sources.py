"""Routes of sources."""

from fastapi import APIRouter

from tonewatch.ingest.catalog import Catalog
from tonewatch.ingest.handlers.schemas import (
    NewSource,
    SourceList,
    SourceView,
    SourceWithKey,
    view_source,
)
from tonewatch.shared.errors import InvalidInputError


def source_routes(catalog: Catalog, publish_base: str) -> APIRouter:
    """Add, list, show and delete sources; change keys."""
    router = APIRouter(prefix="/v1/sources", tags=["sources"])

    async def with_key(source_id: str, key: str) -> SourceWithKey:
        view = view_source(*await catalog.get(source_id), publish_base)
        return SourceWithKey(
            **view.model_dump(), stream_key=key, publish_url=f"{publish_base}/{key}"
        )

    @router.post("", status_code=201, response_model=SourceWithKey | SourceView)
    async def add_source(new: NewSource) -> SourceView:
        """Add a source; an rtmp source's stream key is in this answer and never shown again."""
        if new.kind == "rtmp":
            if new.url is not None:
                raise InvalidInputError("url: an rtmp source has none, encoders push to it")
            source, key = await catalog.add_rtmp(new.name, new.labels)
            return await with_key(source.id, key)
        if new.url is None:
            raise InvalidInputError("url: a pull source needs one")
        source = await catalog.add_pull(new.name, new.url, new.labels)
        return view_source(*await catalog.get(source.id), publish_base)

    @router.get("")
    async def list_sources() -> SourceList:
        """All sources with their state."""
        pairs = await catalog.all()
        return SourceList(items=[view_source(*pair, publish_base) for pair in pairs])

    @router.get("/{source_id}")
    async def get_source(source_id: str) -> SourceView:
        """One source with its state."""
        return view_source(*await catalog.get(source_id), publish_base)

    @router.delete("/{source_id}", status_code=204)
    async def delete_source(source_id: str) -> None:
        """Remove a source; its session ends."""
        await catalog.delete(source_id)

    @router.post("/{source_id}/rotate-key")
    async def rotate_key(source_id: str) -> SourceWithKey:
        """Give an rtmp source a new stream key; who pushes with the old one is disconnected."""
        source, key = await catalog.rotate_key(source_id)
        return await with_key(source.id, key)

    return router
