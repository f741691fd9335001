"""The door where several replicas share the sources: nginx-rtmp may ask any of them.

Who pushes stands in the database, and every answer comes from there. The replica that holds a
source's lease follows its publisher: at once if it was asked itself, else within a second or so.
"""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Final

from tonewatch.ingest.live.door import Door
from tonewatch.ingest.live.fleet import Fleet
from tonewatch.ingest.live.publishes import PublishRepository
from tonewatch.ingest.live.push import SILENT_SECONDS, Publish
from tonewatch.ingest.sources import Source, SourceRepository
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ForbiddenError

FORGOTTEN: Final = timedelta(seconds=2 * SILENT_SECONDS)
"""A publisher that nginx-rtmp has not reported for so long is not taken up; if it is there after
all, the next report tells."""


class SharedDoor(Door):
    """Admits publishers for all replicas, and follows those whose source this one runs."""

    def __init__(
        self,
        sources: SourceRepository,
        publishes: PublishRepository,
        fleet: Fleet,
        *,
        play_token: str,
    ) -> None:
        super().__init__(sources, publishes, fleet, play_token=play_token)
        self._player = _hash(play_token)
        self._one_at_a_time = asyncio.Lock()

    async def resume(self) -> None:
        """Nothing yet: those who push are taken up with their sources' leases."""

    async def left(self, client_id: str) -> None:
        """A publisher is gone; who follows it will see that it is not noted any more."""
        await super().left(client_id)
        await self._repository.remove(client_id)

    async def check_player(self, token: str, stream: str) -> None:
        """Only the replica that follows a publisher plays its stream; see `Door.check_player`."""
        if not await self._repository.may_play(stream, _hash(token)):
            raise ForbiddenError("only ingest plays streams")

    async def revoke(self, source_id: str, reason: str) -> None:
        """End what is pushed to a source, whoever follows it; see `Door.revoke`."""
        async with self._one_at_a_time:
            await super().revoke(source_id, reason)

    async def catch_up(self) -> None:
        """Follow who pushes to the sources that we run now, and let go of who does not any more."""
        async with self._one_at_a_time:
            noted = {each.source_id: each for each in await self._repository.as_noted()}
            for publish in list(self._publishes.values()):
                self._compare(publish, noted.get(publish.source_id))
            for publish in noted.values():
                if publish.client_id not in self._publishes and not _is_forgotten(publish):
                    await self._take_up(publish)

    async def _is_known(self, client_id: str) -> bool:
        return await self._repository.touch(client_id)

    async def _admit(self, publish: Publish, source: Source) -> None:
        async with self._one_at_a_time:
            await self._fleet.refresh(source)
            self._drop(publish.source_id)
            runs_here = self._fleet.runs(publish.source_id)
            await self._repository.put(publish, self._player if runs_here else None)
            if runs_here:
                await self._follow(publish)

    def _compare(self, publish: Publish, noted: Publish | None) -> None:
        if noted is not None and noted.stream == publish.stream:
            publish.seen_at = max(publish.seen_at, noted.seen_at)
            if self._fleet.runs(publish.source_id):
                return
        del self._publishes[publish.client_id]
        if noted is None:
            self._fleet.left(publish)

    async def _take_up(self, publish: Publish) -> None:
        if self._fleet.runs(publish.source_id):
            publish.seen_at = utc_now()
            await self._repository.let_play(publish, self._player)
            await self._follow(publish)


def _is_forgotten(publish: Publish) -> bool:
    return publish.reported and utc_now() - publish.seen_at > FORGOTTEN


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
