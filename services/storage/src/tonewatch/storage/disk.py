"""How much the disk still takes: what matters least stops being written first.

Enough room: everything. Low: no fine matrices (most of a row's bytes). Critical: no seconds either;
they wait in Redis, unacknowledged, while alerts and sessions are still written. The levels come
from the free space beside an SQLite file; a database that says that it is full is believed, too,
and asked again after a while.
"""

import shutil
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Final

from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics

CHECK_SECONDS: Final = 1.0
ASK_AGAIN_SECONDS: Final = 10.0
RECOVERS_AT: Final = 1.25
"""A level is left only with this many times the space under which it began."""
_MB: Final = 1_000_000

log = get_logger(__name__)


class DiskLevel(IntEnum):
    """What may be written."""

    ENOUGH = 0
    LOW = 1
    CRITICAL = 2


EXPLAINED: Final = {
    DiskLevel.ENOUGH: "everything is written",
    DiskLevel.LOW: "the disk is nearly full: seconds are written without their fine matrix",
    DiskLevel.CRITICAL: "the disk is full: seconds wait in Redis, alerts and sessions are written",
}


class DiskWatch:
    """The level of one database's disk; cheap enough to be asked for every batch."""

    def __init__(
        self,
        folder: Path | None,
        metrics: Metrics,
        *,
        low_mb: float,
        critical_mb: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._metrics = metrics
        self._least_mb = {DiskLevel.LOW: low_mb, DiskLevel.CRITICAL: critical_mb}
        self._clock = clock
        self._checked_at = float("-inf")
        self._full_until = float("-inf")
        self._level = DiskLevel.ENOUGH
        metrics.set("storage_disk_level", DiskLevel.ENOUGH)

    @property
    def level(self) -> DiskLevel:
        """What may be written now."""
        now = self._clock()
        if now - self._checked_at >= CHECK_SECONDS or self._is_over(now):
            self._checked_at = now
            self._enter(DiskLevel.CRITICAL if now < self._full_until else self._by_free_space())
        return self._level

    def note_full(self) -> bool:
        """The database has refused a write for want of space; says if less is written from now."""
        was_critical = self._level is DiskLevel.CRITICAL
        self._full_until = self._clock() + ASK_AGAIN_SECONDS
        self._enter(DiskLevel.CRITICAL)
        return not was_critical

    def _is_over(self, now: float) -> bool:
        return self._checked_at < self._full_until <= now

    def _by_free_space(self) -> DiskLevel:
        if self._folder is None:
            return DiskLevel.ENOUGH
        free_mb = shutil.disk_usage(self._folder).free / _MB
        for level in (DiskLevel.CRITICAL, DiskLevel.LOW):
            factor = RECOVERS_AT if self._level >= level else 1.0
            if free_mb < self._least_mb[level] * factor:
                return level
        return DiskLevel.ENOUGH

    def _enter(self, level: DiskLevel) -> None:
        if level is self._level:
            return
        tell = log.warning if level > self._level else log.info
        tell("what is written changes with the room on the disk", now=EXPLAINED[level])
        self._level = level
        self._metrics.set("storage_disk_level", level)
