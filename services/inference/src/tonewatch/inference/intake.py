"""What the worker takes next: live frames before recordings, and never more than it can hold.

Frames that were read (or claimed) and are not settled are in hand. They are few on purpose: what
one worker holds, another cannot score.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final

from tonewatch.inference.frames import Admission, FrameJob, Refused
from tonewatch.inference.waiting import Group, Waiting
from tonewatch.shared.broker import Broker, Delivery
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream, partition_of

GROUP: Final = "inference"
LANES: Final = (FRAMES, UPLOADS)
"""In the order in which they are served."""

AHEAD: Final = 3
"""So many batches of live frames may be in hand: a track with an alert is served first only when
its frames are."""

MOST_TRACKS: Final = 128
"""Of one partition that are read at once under overload."""

_Key = tuple[str, int, str]


class Intake:
    """The queue of one worker, filled from the broker as it is emptied."""

    def __init__(self, broker: Broker, consumer: str, admission: Admission) -> None:
        self.consumer = consumer
        self._broker = broker
        self._admission = admission
        self._waiting: dict[str, Waiting] = {lane.name: Waiting() for lane in LANES}
        self._refused: list[Refused] = []
        self._in_hand: dict[_Key, tuple[Delivery, float]] = {}
        self._next_partition = partition_of(consumer, broker.partitions)
        self._tracks_seen: dict[int, set[str]] = defaultdict(set)

    @property
    def waiting(self) -> int:
        """Frames that were read and are not taken yet."""
        return sum(map(len, self._waiting.values())) + len(self._refused)

    @property
    def live(self) -> Waiting:
        """The live frames that wait."""
        return self._waiting[FRAMES.name]

    async def fill(self, windows: int, hop: int, block: timedelta | None) -> None:
        """Read live frames, or recordings if there are none, enough for so many windows.

        Waits up to `block` if there is nothing at all.
        """
        for lane in LANES:
            if hop > 1 and lane is FRAMES:
                await self._fill_deep(windows, hop)
            else:
                await self._fill(lane, windows)
            if self._waiting[lane.name]:
                return
        if block is not None and not self.waiting:
            self.add(await self._read(LANES, 1, block))

    def take(
        self, windows: int, hop: int, is_urgent: Callable[[FrameJob], bool] = lambda _: False
    ) -> list[Group]:
        """Groups of one lane that need at most so many windows; live ones if there are any.

        Recordings are never hurried, so they are never grouped.
        """
        for lane in LANES:
            if waiting := self._waiting[lane.name]:
                return waiting.take(windows, hop if lane is FRAMES else 1, is_urgent)
        return []

    def take_refused(self) -> list[Refused]:
        """What was read and cannot be scored."""
        refused, self._refused = self._refused, []
        return refused

    def add(self, deliveries: Iterable[Delivery], *, first: bool = False) -> list[FrameJob]:
        """Queue deliveries, before all others if `first`; returns the frames that were new."""
        jobs: dict[str, list[FrameJob]] = {lane.name: [] for lane in LANES}
        for delivery in deliveries:
            key = _key(delivery)
            if key in self._in_hand:
                continue
            self._in_hand[key] = (delivery, time.monotonic())
            opened = self._admission.open(delivery)
            if isinstance(opened, Refused):
                self._refused.append(opened)
            else:
                jobs[delivery.stream.name].append(opened)
        for name, some in jobs.items():
            self._waiting[name].add(some, first=first)
        return [job for some in jobs.values() for job in some]

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """They are settled, or left to be claimed."""
        for delivery in deliveries:
            self._in_hand.pop(_key(delivery), None)

    def forget(self) -> None:
        """Leave everything in hand to be claimed, by this worker or another."""
        for waiting in self._waiting.values():
            waiting.clear()
        self._refused.clear()
        self._in_hand.clear()

    def held(self, longest_seconds: float) -> list[Delivery]:
        """What was taken in hand less than `longest_seconds` ago."""
        since = time.monotonic() - longest_seconds
        return [delivery for delivery, taken_at in self._in_hand.values() if taken_at > since]

    async def _fill(self, lane: Stream, frames: int) -> None:
        """Read until so many frames wait or the stream has no more for us.

        If enough live frames wait already, look once more for those of urgent tracks.
        """
        waiting = self._waiting[lane.name]
        room = frames - len(waiting)
        if lane is FRAMES and len(waiting) < AHEAD * frames:
            room = max(1, room)
        while room > 0:
            each = -(-room // self._broker.partitions)
            found = await self._read((lane,), each, None)
            self.add(found)
            room = frames - len(waiting) if found else 0

    async def _fill_deep(self, windows: int, hop: int) -> None:
        """Read a few partitions deeply, not all of them a little.

        A group is made of what one worker holds of a track, and the seconds of a track lie as far
        apart in their partition as it has tracks.
        """
        for _ in range(self._broker.partitions):
            if len(self.live) >= windows * hop:
                return
            partition = self._next_partition
            self._next_partition = (partition + 1) % self._broker.partitions
            tracks = min(MOST_TRACKS, max(1, len(self._tracks_seen[partition])))
            found = await self._read((FRAMES,), hop * tracks, None, (partition,))
            added = self.add(found)
            self._tracks_seen[partition] = {job.frame.track.key for job in added}

    async def _read(
        self,
        lanes: tuple[Stream, ...],
        each: int,
        block: timedelta | None,
        partitions: Sequence[int] | None = None,
    ) -> list[Delivery]:
        return await self._broker.read(
            lanes, GROUP, self.consumer, count=each, block=block, partitions=partitions
        )


def _key(delivery: Delivery) -> _Key:
    return delivery.stream.name, delivery.partition, delivery.entry.entry_id
