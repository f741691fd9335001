"""Who may push and who may play: the answers to nginx-rtmp's questions."""

import secrets
from collections.abc import Mapping
from typing import Final

from tonewatch.ingest.live.fleet import Fleet
from tonewatch.ingest.live.publishes import PublishRepository
from tonewatch.ingest.live.push import Publish
from tonewatch.ingest.sources import (
    Source,
    SourceKind,
    SourceRepository,
    hash_key,
    permitted_labels,
)
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ForbiddenError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger

TOKEN_BYTES: Final = 24

log = get_logger(__name__)


def new_play_token() -> str:
    """By what ingest knows its own play requests; it changes with every start."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Door:
    """Admits publishers by their key and players by ingest's own token."""

    def __init__(
        self,
        sources: SourceRepository,
        publishes: PublishRepository,
        fleet: Fleet,
        *,
        play_token: str,
    ) -> None:
        self._sources = sources
        self._repository = publishes
        self._fleet = fleet
        self._play_token = play_token
        self._publishes: dict[str, Publish] = {}

    async def resume(self) -> None:
        """Take up those who were pushing when ingest was stopped."""
        for publish in await self._repository.all():
            await self._admit(publish)

    async def publish(
        self,
        client_id: str,
        key: str,
        query: Mapping[str, str] | None = None,
        *,
        stream: str | None = None,
    ) -> str:
        """Admit a publisher; returns the name its stream gets.

        `query` holds what the encoder added to its URL: labels that the source permits are taken
        from it. A server that cannot rename a stream names it; such a one does not report either.

        Raises:
            ForbiddenError: no source has this key.
        """
        source = await self._sources.by_key_hash(hash_key(key))
        if source is None or source.kind is not SourceKind.RTMP:
            log.warning("refused a publisher: no source has its stream key", client_id=client_id)
            raise ForbiddenError("no source has this stream key")
        await self._ready(source)
        now = utc_now()
        publish = Publish(
            client_id,
            source.id,
            stream or new_id(),
            now,
            now,
            labels=permitted_labels(source, query or {}),
            reported=stream is None,
        )
        await self._forget_source(source.id)
        await self._repository.put(publish)
        await self._admit(publish)
        log.info("admitted a publisher", source_id=source.id, client_id=client_id)
        return publish.stream

    async def update(self, client_id: str) -> None:
        """A publisher is still there.

        Raises:
            ForbiddenError: it is not welcome any more (replaced, or its key or source is gone).
        """
        publish = self._publishes.get(client_id)
        if publish is None:
            raise ForbiddenError("this publisher was replaced, or its stream key is gone")
        publish.seen_at = utc_now()

    async def left(self, client_id: str) -> None:
        """A publisher is gone; one that was replaced before is not missed."""
        publish = self._publishes.pop(client_id, None)
        if publish is not None:
            self._fleet.left(publish)
            await self._repository.remove(client_id)

    async def check_player(self, token: str, stream: str) -> None:  # noqa: ARG002 - for replicas
        """Only ingest itself plays streams.

        Raises:
            ForbiddenError: it is somebody else.
        """
        if not secrets.compare_digest(token.encode(), self._play_token.encode()):
            raise ForbiddenError("only ingest plays streams")

    async def revoke(self, source_id: str, reason: str) -> None:
        """End what is pushed to a source; nginx-rtmp hears of it at its next question."""
        await self._forget_source(source_id)
        await self._fleet.disconnect(source_id, reason)

    async def _ready(self, source: Source) -> None:
        """Before a publisher of the source is admitted."""

    async def _admit(self, publish: Publish) -> None:
        self._publishes[publish.client_id] = publish
        if not await self._fleet.follow(publish):
            await self.left(publish.client_id)

    async def _forget_source(self, source_id: str) -> None:
        for publish in [each for each in self._publishes.values() if each.source_id == source_id]:
            del self._publishes[publish.client_id]
            await self._repository.remove(publish.client_id)
