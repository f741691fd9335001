"""Which waiting frames are of tracks with a pending or firing alert; asked only in a backlog."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tonewatch.inference.frames import FrameJob
from tonewatch.shared.attention import marked
from tonewatch.shared.broker import Broker
from tonewatch.shared.messages import Track

FRESH_SECONDS: Final = 1.0


class Urgency:
    """Remembers for a second what the broker said of a track."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._asked_at: dict[str, float] = {}
        self._urgent: set[str] = set()

    def is_urgent(self, job: FrameJob) -> bool:
        """What was last known of the frame's track."""
        return job.frame.track.key in self._urgent

    async def refresh(self, jobs: Iterable[FrameJob]) -> None:
        """Ask for the tracks of these frames that were not asked for lately."""
        now = time.monotonic()
        if self._asked_at and now - min(self._asked_at.values()) > FRESH_SECONDS:
            self._forget(now - FRESH_SECONDS)
        asked: dict[int, list[Track]] = defaultdict(list)
        for job in jobs:
            track = job.frame.track
            if track.key not in self._asked_at:
                self._asked_at[track.key] = now
                asked[job.delivery.partition].append(track)
        answers = await asyncio.gather(
            *(marked(self._broker, partition, tracks) for partition, tracks in asked.items())
        )
        self._urgent.update(*answers)

    def _forget(self, before: float) -> None:
        for key in [key for key, asked_at in self._asked_at.items() if asked_at < before]:
            del self._asked_at[key]
            self._urgent.discard(key)
