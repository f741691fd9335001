"""The loop that takes messages from the streams to the database.

read -> decode -> one transaction -> acknowledge. A message is acknowledged only after the commit
(or as a dead letter), so a process killed at any instant leaves it to be taken up again; the unique
keys make the second time harmless.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, Delivery, Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS
from tonewatch.storage.errors import DatabaseUnavailableError, RowRefusedError
from tonewatch.storage.incoming import Item, item_of
from tonewatch.storage.settings import StorageOptions
from tonewatch.storage.store import Store, Written

GROUP: Final = "storage"
STREAMS: Final = (SCORES, ALERTS, SESSIONS)
READ_BLOCK: Final = timedelta(seconds=1)
CLAIM_EVERY_SECONDS: Final = 2.0
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
SLOW_SECONDS: Final = 3.0
"""A write that takes longer is shown in /ready: the database is locked or overwhelmed."""

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
    ) -> None:
        self._broker = broker
        self._store = store
        self._metrics = metrics
        self._options = options
        self._consumer = consumer
        self._count = max(16, options.batch_rows // broker.partitions)
        self._claimed_at = 0.0
        self._writing_since: float | None = None
        self._failure: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why messages do not reach the database just now; None while they do."""
        if self._failure is not None:
            return self._failure
        waited = 0.0 if self._writing_since is None else time.monotonic() - self._writing_since
        return f"a write has waited for {waited:.0f} s" if waited > SLOW_SECONDS else None

    async def run(self, stop: asyncio.Event) -> None:
        """The loop; returns after `stop`, with what was read either settled or left pending."""
        await self._take_up_own(stop)
        while not stop.is_set():
            batch = await self._claim() or await self._collect(stop)
            if batch:
                await self._process(batch, stop)

    async def _take_up_own(self, stop: asyncio.Event) -> None:
        """First what this consumer (the same name, before a restart) was handed and left."""
        for stream in STREAMS:
            while not stop.is_set():
                batch = await self._broker.pending(stream, GROUP, self._consumer, count=self._count)
                if not batch:
                    break
                await self._process(batch, stop)

    async def _claim(self) -> list[Delivery]:
        if time.monotonic() - self._claimed_at < CLAIM_EVERY_SECONDS:
            return []
        self._claimed_at = time.monotonic()
        claimed: list[Delivery] = []
        for stream in STREAMS:
            found = await self._broker.claim(
                stream,
                GROUP,
                self._consumer,
                min_idle=self._options.claim_idle,
                count=self._count,
            )
            self._metrics.count("claimed_total", len(found), stream=stream.name)
            claimed += found
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
            STREAMS, GROUP, self._consumer, count=self._count, block=block
        )

    async def _process(self, batch: Sequence[Delivery], stop: asyncio.Event) -> None:
        """Store a batch and acknowledge it; without acknowledging if stopped while it waits."""
        items: list[Item] = []
        dead: list[Outcome] = []
        for delivery in batch:
            try:
                items.append(item_of(delivery))
            except InvalidMessageError as error:
                dead.append(Outcome(delivery, dead=error.message))
        refused = await self._write_until_done(items, stop)
        if refused is None:
            return
        dead += refused
        failed = {id(outcome.delivery) for outcome in dead}
        stored = [item for item in items if id(item.delivery) not in failed]
        await self._broker.settle([*dead, *(Outcome(item.delivery) for item in stored)])
        self._note_dead(dead)

    async def _write_until_done(
        self, items: Sequence[Item], stop: asyncio.Event
    ) -> list[Outcome] | None:
        """Write, again and again while the database is away; None if told to stop meanwhile."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                refused = await self._write(items)
            except DatabaseUnavailableError as error:
                self._failure = error.message
                log.warning("write waits", reason=error.message, rows=len(items))
                if stop.is_set():
                    return None
                await wait_for_stop(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._failure = None
                return refused

    async def _write(self, items: Sequence[Item]) -> list[Outcome]:
        """Write the items; those that the database refuses are found by halving, and returned."""
        if not items:
            return []
        self._writing_since = time.monotonic()
        try:
            written = await self._store.write(items)
        except RowRefusedError as error:
            if len(items) == 1:
                return [Outcome(items[0].delivery, dead=error.message)]
            half = len(items) // 2
            return [*await self._write(items[:half]), *await self._write(items[half:])]
        finally:
            self._writing_since = None
        self._note_written(items, written)
        return []

    def _note_written(self, items: Sequence[Item], written: Written) -> None:
        self._metrics.observe("write_batch_rows", len(items))
        for table, count in written.items():
            self._metrics.count("records_written_total", count, table=table)
        now = utc_now()
        for item in items:
            if isinstance(item.message, Score):
                waited = (now - item.message.published_at).total_seconds()
                self._metrics.observe("frame_to_stored_seconds", max(0.0, waited))

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
