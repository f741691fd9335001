"""One consumer's view of its group: unfinished work first, then new entries and stale ones."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, Delivery
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import Stream

BLOCK: Final = timedelta(milliseconds=500)
"""Longest wait for new entries: how fast the loop sees that the service stops."""

CLAIM_EVERY_SECONDS: Final = 2.0
CLAIM_IDLE: Final = timedelta(seconds=5)
CLAIM_COUNT: Final = 500
BATCH: Final = 256
UNFINISHED: Final = 10_000


class GroupReader:
    """Reads streams for one consumer of a group."""

    def __init__(
        self,
        broker: Broker,
        streams: Sequence[Stream],
        group: str,
        consumer: str,
        metrics: Metrics,
    ) -> None:
        self._broker = broker
        self._streams = streams
        self._group = group
        self._consumer = consumer
        self._metrics = metrics
        self._claim_at = 0.0

    async def unfinished(self) -> list[Delivery]:
        """What this consumer was handed before it ended or lost the broker, and what is stale."""
        found = []
        for stream in self._streams:
            found += await self._broker.pending(
                stream, self._group, self._consumer, count=UNFINISHED
            )
        return found + await self._claim()

    async def next(self, block: timedelta = BLOCK) -> list[Delivery]:
        """New entries, and from time to time those of consumers that died."""
        found = await self._broker.read(
            self._streams, self._group, self._consumer, count=BATCH, block=block
        )
        if asyncio.get_running_loop().time() >= self._claim_at:
            found += await self._claim()
        return found

    async def _claim(self) -> list[Delivery]:
        self._claim_at = asyncio.get_running_loop().time() + CLAIM_EVERY_SECONDS
        claimed = []
        for stream in self._streams:
            taken = await self._broker.claim(
                stream, self._group, self._consumer, min_idle=CLAIM_IDLE, count=CLAIM_COUNT
            )
            self._metrics.count("claimed_total", len(taken), stream=stream.name)
            claimed += taken
        return claimed
