"""What the worker takes next: live frames before recordings, and never more than it can hold.

Frames that were read (or claimed) and are not settled are in hand. They are few on purpose: what
one worker holds, another cannot score.
"""

import time
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, Delivery
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream

GROUP: Final = "inference"
LANES: Final = (FRAMES, UPLOADS)
"""In the order in which they are served."""

_Key = tuple[str, int, str]


class Intake:
    """The queue of one worker, filled from the broker as it is emptied."""

    def __init__(self, broker: Broker, consumer: str) -> None:
        self.consumer = consumer
        self._broker = broker
        self._waiting: dict[str, deque[Delivery]] = {lane.name: deque() for lane in LANES}
        self._in_hand: dict[_Key, tuple[Delivery, float]] = {}

    @property
    def waiting(self) -> int:
        """Frames that were read and are not taken yet."""
        return sum(map(len, self._waiting.values()))

    async def take(
        self, limit: int, *, block: timedelta | None, read: bool = True
    ) -> list[Delivery]:
        """At most `limit` frames of one lane, oldest first; live ones if there are any.

        Waits up to `block` if there are none. With `read` false only what is in hand is given.
        """
        for lane in LANES:
            if read:
                await self._fill(lane, limit)
            if taken := self._pop(lane, limit):
                return taken
        if read and block is not None:
            self.add(await self._read(LANES, 1, block))
            return await self.take(limit, block=None, read=False)
        return []

    def add(self, deliveries: Iterable[Delivery], *, first: bool = False) -> int:
        """Queue deliveries, before all others if `first`; returns how many were new."""
        new = [delivery for delivery in deliveries if _key(delivery) not in self._in_hand]
        for delivery in reversed(new) if first else new:
            queue = self._waiting[delivery.stream.name]
            (queue.appendleft if first else queue.append)(delivery)
            self._in_hand[_key(delivery)] = (delivery, time.monotonic())
        return len(new)

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """They are settled, or left to be claimed."""
        for delivery in deliveries:
            self._in_hand.pop(_key(delivery), None)

    def forget(self) -> None:
        """Leave everything in hand to be claimed, by this worker or another."""
        for queue in self._waiting.values():
            queue.clear()
        self._in_hand.clear()

    def held(self, longest_seconds: float) -> list[Delivery]:
        """What was taken in hand less than `longest_seconds` ago."""
        since = time.monotonic() - longest_seconds
        return [delivery for delivery, taken_at in self._in_hand.values() if taken_at > since]

    async def _fill(self, lane: Stream, limit: int) -> None:
        """Read until `limit` frames wait or the stream has no more for us."""
        queue = self._waiting[lane.name]
        while (room := limit - len(queue)) > 0:
            each = -(-room // self._broker.partitions)
            if not self.add(await self._read((lane,), each, None)):
                return

    async def _read(
        self, lanes: tuple[Stream, ...], each: int, block: timedelta | None
    ) -> list[Delivery]:
        return await self._broker.read(lanes, GROUP, self.consumer, count=each, block=block)

    def _pop(self, lane: Stream, limit: int) -> list[Delivery]:
        queue = self._waiting[lane.name]
        return [queue.popleft() for _ in range(min(limit, len(queue)))]


def _key(delivery: Delivery) -> _Key:
    return delivery.stream.name, delivery.partition, delivery.entry.entry_id
