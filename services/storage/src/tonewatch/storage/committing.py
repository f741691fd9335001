"""One batch into the database, whatever the database says: not now, no room, or not this row."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tonewatch.shared.broker import Outcome
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Gap, Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop
from tonewatch.storage.disk import DiskLevel, DiskWatch
from tonewatch.storage.errors import (
    DatabaseFullError,
    DatabaseUnavailableError,
    RowRefusedError,
)
from tonewatch.storage.incoming import Item
from tonewatch.storage.store import Store, Written

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
MEASURED: Final = 100
"""Messages of a batch, about, whose way is timed: all of thousands would cost much of its time."""
SLOW_SECONDS: Final = 3.0
"""A write that takes longer is shown in /ready: the database is locked or overwhelmed."""

log = get_logger(__name__)


@dataclass(slots=True)
class Committed:
    """What became of a batch: those that are in neither list wait for room on the disk."""

    stored: list[Item] = field(default_factory=list)
    refused: list[Outcome] = field(default_factory=list)


class Committer:
    """Writes batches until they are written, and knows why if they are not."""

    def __init__(self, store: Store, disk: DiskWatch, metrics: Metrics) -> None:
        self._store = store
        self._disk = disk
        self._metrics = metrics
        self._writing_since: float | None = None
        self._failure: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why messages do not reach the database just now; None while they do."""
        if self._failure is not None:
            return self._failure
        waited = 0.0 if self._writing_since is None else time.monotonic() - self._writing_since
        return f"a write has waited for {waited:.0f} s" if waited > SLOW_SECONDS else None

    async def commit(self, items: Sequence[Item], stop: asyncio.Event) -> Committed | None:
        """Write, again and again while the database is away; None if told to stop meanwhile."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                done = await self._write(self._that_fit(items))
            except DatabaseUnavailableError as error:
                self._failure = error.message
                log.warning("write waits", reason=error.message, rows=len(items))
                if isinstance(error, DatabaseFullError) and self._disk.note_full():
                    continue  # with less
                if stop.is_set():
                    return None
                await wait_for_stop(stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._failure = None
                return done

    def _that_fit(self, items: Sequence[Item]) -> Sequence[Item]:
        """What there is room for."""
        level = self._disk.level
        if level is DiskLevel.ENOUGH:
            return items
        if level is DiskLevel.CRITICAL:
            return [item for item in items if not isinstance(item.message, Score | Gap)]
        fine = sum(item.steps is not None for item in items)
        self._metrics.count("matrices_left_out_total", fine)
        return [item.without_steps() for item in items]

    async def _write(self, items: Sequence[Item]) -> Committed:
        """Write the items; those that the database refuses are found by halving."""
        if not items:
            return Committed()
        self._writing_since = time.monotonic()
        try:
            written = await self._store.write(items)
        except RowRefusedError as error:
            if len(items) == 1:
                return Committed([], [Outcome(items[0].delivery, dead=error.message)])
            half = len(items) // 2
            first, second = await self._write(items[:half]), await self._write(items[half:])
            return Committed(first.stored + second.stored, first.refused + second.refused)
        finally:
            self._writing_since = None
        self._note(items, written)
        return Committed(list(items))

    def _note(self, items: Sequence[Item], written: Written) -> None:
        self._metrics.observe("write_batch_rows", len(items))
        for table, count in written.items():
            self._metrics.count("records_written_total", count, table=table)
        now = utc_now()
        for item in items[:: 1 + len(items) // MEASURED]:
            if isinstance(item.message, Score):
                waited = (now - item.message.published_at).total_seconds()
                self._metrics.observe("frame_to_stored_seconds", max(0.0, waited))
