"""One consumer's view of its group: unfinished work first, then new entries and stale ones."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.alerting.sharing import PartitionShare
from tonewatch.shared.broker import Broker, Delivery
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import Stream

BLOCK: Final = timedelta(milliseconds=500)
"""Longest wait for new entries: how fast the loop sees that the service stops."""

CLAIM_EVERY_SECONDS: Final = 2.0
CLAIM_IDLE: Final = timedelta(seconds=5)
CLAIM_COUNT: Final = 500
BATCH: Final = 256
UNFINISHED: Final = 10_000

log = get_logger(__name__)


class GroupReader:
    """Reads streams for one consumer of a group."""

    def __init__(
        self,
        broker: Broker,
        streams: Sequence[Stream],
        group: str,
        consumer: str,
        metrics: Metrics,
        share: PartitionShare | None = None,
    ) -> None:
        self.lost: frozenset[int] = frozenset()
        """Partitions that the latest `next` found to be another replica's by now."""
        self._broker = broker
        self._streams = streams
        self._group = group
        self._consumer = consumer
        self._metrics = metrics
        self._share = share
        self._partitions: frozenset[int] | None = None if share is None else frozenset()
        self._claim_at = 0.0

    async def unfinished(self) -> list[Delivery]:
        """What this consumer was handed before it ended or lost the broker, and what is stale.

        Where partitions are shared nothing is ours yet: `next` brings it with the partitions.
        """
        if self._share is not None:
            self._partitions = frozenset()
            return []
        found = []
        for stream in self._streams:
            found += await self._broker.pending(
                stream, self._group, self._consumer, count=UNFINISHED
            )
        return found + await self._claim()

    async def next(self, block: timedelta = BLOCK) -> list[Delivery]:
        """New entries, and from time to time those of consumers that died."""
        found = await self._take_share()
        if found:
            return found
        if self._partitions is not None and not self._partitions:
            await asyncio.sleep(block.total_seconds())
            return []
        found = await self._broker.read(
            self._streams,
            self._group,
            self._consumer,
            count=BATCH,
            block=block,
            partitions=self._chosen(self._partitions),
        )
        if asyncio.get_running_loop().time() >= self._claim_at:
            found += await self._claim()
        return found

    async def _take_share(self) -> list[Delivery]:
        """Learn which partitions are ours; with new ones comes what others left unfinished."""
        if self._share is None or self._partitions is None:
            return []
        before, self._partitions = self._partitions, self._share.take()
        self.lost = before - self._partitions
        gained = self._partitions - before
        if not gained:
            return []
        log.info("evaluates partitions", gained=len(gained), partitions=len(self._partitions))
        # whoever had them does not any more: no need to wait until their work is stale
        return await self._claim(gained, min_idle=timedelta(0), count=UNFINISHED)

    async def _claim(
        self,
        partitions: frozenset[int] | None = None,
        *,
        min_idle: timedelta = CLAIM_IDLE,
        count: int = CLAIM_COUNT,
    ) -> list[Delivery]:
        self._claim_at = asyncio.get_running_loop().time() + CLAIM_EVERY_SECONDS
        claimed = []
        for stream in self._streams:
            taken = await self._broker.claim(
                stream,
                self._group,
                self._consumer,
                min_idle=min_idle,
                count=count,
                partitions=self._chosen(self._partitions if partitions is None else partitions),
            )
            self._metrics.count("claimed_total", len(taken), stream=stream.name)
            claimed += taken
        return claimed

    @staticmethod
    def _chosen(partitions: frozenset[int] | None) -> list[int] | None:
        return None if partitions is None else sorted(partitions)
