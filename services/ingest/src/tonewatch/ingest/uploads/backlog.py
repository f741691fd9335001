"""Back-pressure of recordings: a file is published only as fast as it is scored.

Without it an hour of audio would fill Redis with 120 MB within seconds.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final

from tonewatch.ingest.publishing import Outbox
from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.messages import Track
from tonewatch.shared.streams import UPLOADS, partition_of

AHEAD_FRAMES: Final = 128
"""How far a recording may run ahead of its scores: 4 MB in Redis for each."""
LOOK_EVERY_FRAMES: Final = 32
OUTBOX_FRAMES: Final = 8
POLL_SECONDS: Final = (0.02, 0.05, 0.1, 0.2)
"""Pauses between looks, the last one again and again: a quick engine is not waited for in vain."""


class Backlog:
    """Holds one recording back while inference is behind.

    Args:
        broker: knows how far inference is.
        outbox: of the recording.
        is_over: whether nobody waits for the recording any more. It is asked again and again, for
            a question to Redis that is answered just then may swallow the task's cancellation.
    """

    def __init__(self, broker: Broker, outbox: Outbox, is_over: Callable[[], bool]) -> None:
        self._broker = broker
        self._is_over = is_over
        self._outbox = outbox
        tracks = [Track(session_id=outbox.info.session_id, speaker=s) for s in outbox.info.speakers]
        self._partitions = {partition_of(track.key, broker.partitions) for track in tracks}
        self._marks: deque[int] = deque(maxlen=AHEAD_FRAMES // LOOK_EVERY_FRAMES)
        self._looked_at = 0

    async def wait(self) -> None:
        """Return when the next frame may be published, or need not be."""
        await self._outbox.room(OUTBOX_FRAMES)
        if self._outbox.settled_seq < self._looked_at + LOOK_EVERY_FRAMES:
            return
        self._looked_at = self._outbox.settled_seq
        if self._outbox.last_entry_id is not None:
            self._marks.append(int(self._outbox.last_entry_id.partition("-")[0]))
        if len(self._marks) == self._marks.maxlen:
            await self._until_scored(self._marks[0])

    async def _until_scored(self, published_ms: int) -> None:
        pauses = chain(POLL_SECONDS, repeat(POLL_SECONDS[-1]))
        while not self._is_over():
            if await self._is_scored(published_ms):
                return
            await asyncio.sleep(next(pauses))

    async def _is_scored(self, published_ms: int) -> bool:
        try:
            states = await self._broker.group_states(UPLOADS)
        except UnavailableError:
            return False
        oldest = [
            state.oldest_unsettled_ms
            for state in states
            if state.partition in self._partitions and state.oldest_unsettled_ms is not None
        ]
        return all(moment > published_ms for moment in oldest)
