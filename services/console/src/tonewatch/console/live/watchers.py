"""Who watches: each open stream ends as soon as whoever opened it may no longer see it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tonewatch.console.auth.principal import Principal
from tonewatch.console.live.events import EventName, Wish
from tonewatch.console.live.hub import Hub
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.sse import Viewer

Still = Callable[[Principal], Awaitable[bool]]
"""Whether somebody is still signed in, with the same permissions and labels."""

LOOK_SECONDS: Final = 5.0


class Watchers:
    """The viewers of a hub, and on whose behalf each of them watches."""

    def __init__(self, hub: Hub, still: Still, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._hub = hub
        self._still = still
        self._look_seconds = look_seconds
        self._viewers: dict[Viewer, Principal] = {}

    def watch(
        self, principal: Principal, after: str | None, names: frozenset[EventName] | None = None
    ) -> Viewer:
        """A new viewer of what this person or program may see; of these names, or of all."""
        viewer = self._hub.watch(after, Wish(principal.sees, names))
        self._viewers[viewer] = principal
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        self._viewers.pop(viewer, None)
        self._hub.leave(viewer)

    async def end_void(self, stop: asyncio.Event) -> None:
        """End the streams of those who have signed out or may see something else now."""
        while not await wait_for_stop(stop, self._look_seconds):
            await self._look()

    async def _look(self) -> None:
        by_credential = {(p.via, p.credential): p for p in self._viewers.values()}
        for principal in by_credential.values():
            if await self._still(principal):
                continue
            for viewer, watching in list(self._viewers.items()):
                if watching == principal:
                    viewer.close()
