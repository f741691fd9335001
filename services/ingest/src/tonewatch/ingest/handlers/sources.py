"""Routes of sources."""

from typing import Annotated

from fastapi import APIRouter, Depends

from tonewatch.ingest.catalog import Catalog, Draft
from tonewatch.ingest.handlers.addresses import Addresses
from tonewatch.ingest.handlers.schemas import (
    NewSource,
    SourceChange,
    SourceList,
    SourceView,
    SourceWithKey,
    unmonitored,
    view_source,
)
from tonewatch.ingest.live import Feed
from tonewatch.ingest.sources import SourceKind, Voices
from tonewatch.shared.acting import acting_user


def _actor() -> str:
    return acting_user() or "api"


Actor = Annotated[str, Depends(_actor)]
"""Who asks, for the audit log."""


def source_routes(catalog: Catalog, feed: Feed, addresses: Addresses) -> APIRouter:
    """Add, list, show and delete sources; change keys."""
    router = APIRouter(prefix="/v1/sources", tags=["sources"])

    async def with_key(source_id: str, key: str) -> SourceWithKey:
        source, status = await catalog.get(source_id)
        view = view_source(source, status, addresses)
        publish_url = addresses.with_key(source, key)
        return SourceWithKey(**view.model_dump(), stream_key=key, publish_url=publish_url)

    @router.post("", status_code=201, response_model=SourceWithKey | SourceView)
    async def add_source(new: NewSource, actor: Actor) -> SourceView:
        """Add a source; if it has a key, that is in this answer and never shown again."""
        draft = Draft(
            name=new.name,
            kind=SourceKind(new.kind),
            url=new.url,
            labels=new.labels,
            voices=Voices(new.channels, unmonitored(new.policy)),
            permitted_labels=tuple(new.permitted_labels),
        )
        source, key = await catalog.add(draft, actor)
        if key is not None:
            return await with_key(source.id, key)
        return view_source(*await catalog.get(source.id), addresses)

    @router.get("")
    async def list_sources() -> SourceList:
        """All sources with their state."""
        cursor = feed.cursor
        pairs = await catalog.all()
        return SourceList(items=[view_source(*pair, addresses) for pair in pairs], cursor=cursor)

    @router.get("/{source_id}")
    async def get_source(source_id: str) -> SourceView:
        """One source with its state."""
        return view_source(*await catalog.get(source_id), addresses)

    @router.patch("/{source_id}")
    async def change_source(source_id: str, change: SourceChange, actor: Actor) -> SourceView:
        """Change a source; a session that is open ends, and a new one begins with the change."""
        former, _ = await catalog.get(source_id)
        await catalog.change(source_id, change.to_change(former.voices), actor)
        return view_source(*await catalog.get(source_id), addresses)

    @router.delete("/{source_id}", status_code=204)
    async def delete_source(source_id: str, actor: Actor) -> None:
        """Remove a source; its session ends."""
        await catalog.delete(source_id, actor)

    @router.post("/{source_id}/rotate-key")
    async def rotate_key(source_id: str, actor: Actor) -> SourceWithKey:
        """Give a source a new key; who pushes with the old one is disconnected."""
        source, key = await catalog.rotate_key(source_id, actor)
        return await with_key(source.id, key)

    return router
