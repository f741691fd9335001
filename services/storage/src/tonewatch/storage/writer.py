"""The loop that takes messages from the streams to the database.

read -> decode -> one transaction -> acknowledge. A message is acknowledged only after the commit
(or as a dead letter), so a process killed at any instant leaves it to be taken up again; the unique
keys make the second time harmless. While one batch is written, the next is read and decoded and the
one before is acknowledged.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, Delivery, Outcome
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream
from tonewatch.storage.committing import Committed, Committer
from tonewatch.storage.disk import DiskLevel, DiskWatch
from tonewatch.storage.incoming import Decoded, decoded
from tonewatch.storage.settings import StorageOptions
from tonewatch.storage.store import Store

GROUP: Final = "storage"
STREAMS: Final = (SCORES, ALERTS, SESSIONS)
SMALL_STREAMS: Final = (ALERTS, SESSIONS)
"""Written to the last."""
READ_BLOCK: Final = timedelta(seconds=1)
CLAIM_EVERY_SECONDS: Final = 2.0
SLICE: Final = 100
"""Messages that are decoded before whoever else waits for the event loop has a turn."""

log = get_logger(__name__)


class Writer:
    """Consumer of group "storage" on scores, alerts and sessions."""

    def __init__(
        self,
        broker: Broker,
        store: Store,
        metrics: Metrics,
        options: StorageOptions,
        *,
        consumer: str,
        disk: DiskWatch,
    ) -> None:
        self._broker = broker
        self._store = store
        self._committer = Committer(store, disk, metrics)
        self._metrics = metrics
        self._options = options
        self._consumer = consumer
        self._disk = disk
        self._count = max(16, options.batch_rows // broker.partitions)
        self._claimed_at = 0.0

    @property
    def trouble(self) -> str | None:
        """Why messages do not reach the database just now; None while they do."""
        return self._committer.trouble

    @property
    def _streams(self) -> Sequence[Stream]:
        """What may be written now: without room for seconds they stay where they are."""
        return STREAMS if self._disk.level < DiskLevel.CRITICAL else SMALL_STREAMS

    async def run(self, stop: asyncio.Event) -> None:
        """The loop; returns after `stop`, with what was read either settled or left pending."""
        await self._take_up_own(stop)
        ahead = asyncio.create_task(self._next(stop))
        behind = asyncio.create_task(asyncio.sleep(0, 0))
        try:
            while (batch := await ahead) is not None:
                ahead = asyncio.create_task(self._next(stop))
                done = await self._committer.commit(batch.items, stop)
                await behind
                behind = asyncio.create_task(self._settle(batch, done))
            await behind
        finally:
            ahead.cancel()
            behind.cancel()

    async def _next(self, stop: asyncio.Event) -> Decoded | None:
        """The next batch, read and decoded while the one before is written; None after `stop`."""
        while not stop.is_set():
            if batch := await self._claim() or await self._collect(stop):
                return await self._decode(batch)
        return None

    async def _decode(self, batch: Sequence[Delivery]) -> Decoded:
        whole = Decoded([], [])
        for first in range(0, len(batch), SLICE):
            part = decoded(batch[first : first + SLICE])
            self._store.prepare(part.items)
            whole.items.extend(part.items)
            whole.dead.extend(part.dead)
            await asyncio.sleep(0)
        return whole

    async def _take_up_own(self, stop: asyncio.Event) -> None:
        """First what this consumer (the same name, before a restart) was handed and left."""
        for stream in self._streams:
            while not stop.is_set():
                batch = await self._broker.pending(stream, GROUP, self._consumer, count=self._count)
                if not batch:
                    break
                own = await self._decode(batch)
                if not await self._settle(own, await self._committer.commit(own.items, stop)):
                    break

    async def _claim(self) -> list[Delivery]:
        if time.monotonic() - self._claimed_at < CLAIM_EVERY_SECONDS:
            return []
        self._claimed_at = time.monotonic()
        claimed: list[Delivery] = []
        for stream in self._streams:
            found = await self._broker.claim(
                stream,
                GROUP,
                self._consumer,
                min_idle=self._options.claim_idle,
                count=self._count,
            )
            self._metrics.count("claimed_total", len(found), stream=stream.name)
            claimed += found
        if claimed:
            self._claimed_at = 0.0  # where there were some, there may be more
        return claimed

    async def _collect(self, stop: asyncio.Event) -> list[Delivery]:
        """A batch: full, or as much as came within `batch_seconds` after the first message."""
        batch = await self._read(READ_BLOCK)
        deadline = time.monotonic() + self._options.batch_seconds
        while batch and len(batch) < self._options.batch_rows:
            more = await self._read(None)
            batch += more
            if not more:
                if time.monotonic() >= deadline or stop.is_set():
                    break
                await wait_for_stop(stop, max(0.0, deadline - time.monotonic()))
        return batch

    async def _read(self, block: timedelta | None) -> list[Delivery]:
        return await self._broker.read(
            self._streams, GROUP, self._consumer, count=self._count, block=block
        )

    async def _settle(self, batch: Decoded, done: Committed | None) -> int:
        """Acknowledge what was stored and what never can be; says how much that was.

        Nothing is if the database was away until the service stopped, and seconds are not while
        the disk is full: they stay pending, and are claimed again later.
        """
        if done is None:
            return 0
        dead = batch.dead + done.refused
        await self._broker.settle([*dead, *(Outcome(item.delivery) for item in done.stored)])
        self._note_dead(dead)
        return len(dead) + len(done.stored)

    def _note_dead(self, dead: Sequence[Outcome]) -> None:
        for outcome in dead:
            delivery = outcome.delivery
            self._metrics.count("dead_letters_total", stream=delivery.stream.name)
            log.error(
                "message moved to the dead letters",
                stream=delivery.stream.name,
                entry=delivery.entry.entry_id,
                reason=outcome.dead,
            )
