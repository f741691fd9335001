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
SLOW_ANSWER_SECONDS: Final = 30.0
"""How long nginx-rtmp waits to be told whether a publisher is welcome (its netcall_timeout)."""

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
        self._unwelcome: set[str] = set()

    async def resume(self) -> None:
        """Take up those who were pushing when ingest was stopped."""
        for publish in await self._repository.all():
            await self._follow(publish)

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
        self._unwelcome.discard(client_id)  # nginx counts from 1 again after a restart
        source = await self._sources.by_key_hash(hash_key(key))
        if source is None or source.kind is not SourceKind.RTMP:
            log.warning("refused a publisher: no source has its stream key", client_id=client_id)
            raise ForbiddenError("no source has this stream key")
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
        await self._admit(publish, source)
        log.info("admitted a publisher", source_id=source.id, client_id=client_id)
        return publish.stream

    async def update(self, client_id: str, connected_seconds: float) -> None:
        """A publisher is still there.

        nginx-rtmp reports also those of whom it has asked and not heard yet, when encoders come by
        the hundred; nobody knows them before they are admitted, and they are not refused for that.

        Raises:
            ForbiddenError: it is not welcome any more (replaced, or its key or source is gone).
        """
        if await self._is_known(client_id):
            return
        if client_id in self._unwelcome or connected_seconds > SLOW_ANSWER_SECONDS:
            raise ForbiddenError("this publisher was replaced, or its stream key is gone")

    async def left(self, client_id: str) -> None:
        """A publisher is gone; one that was replaced before is not missed."""
        self._unwelcome.discard(client_id)
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

    async def _is_known(self, client_id: str) -> bool:
        publish = self._publishes.get(client_id)
        if publish is not None:
            publish.seen_at = utc_now()
        return publish is not None

    async def _admit(self, publish: Publish, source: Source) -> None:  # noqa: ARG002 - for replicas
        """Let the publisher take its source over."""
        self._drop(publish.source_id)
        await self._repository.put(publish)
        await self._follow(publish)

    async def _follow(self, publish: Publish) -> None:
        self._publishes[publish.client_id] = publish
        if not await self._fleet.follow(publish):
            await self.left(publish.client_id)

    def _drop(self, source_id: str) -> None:
        for publish in [each for each in self._publishes.values() if each.source_id == source_id]:
            del self._publishes[publish.client_id]
            self._unwelcome.add(publish.client_id)

    async def _forget_source(self, source_id: str) -> None:
        self._drop(source_id)
        await self._repository.remove_all_of(source_id)
