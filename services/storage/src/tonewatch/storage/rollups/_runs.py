"""Runs of one emotion, joined as seconds arrive in whatever order: pure functions.

Every second comes once, so a run never overlaps another; where it touches one of the same emotion
both are one. That is all there is to it, late seconds included.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive seconds of one track with one emotion; the fields are columns of `segments`."""

    session_id: str
    speaker: str
    emotion: str
    first_seq: int
    last_seq: int
    source_id: str
    agent_id: str | None
    queue: str | None
    started_at: Any  # as the driver gives it
    start_ms: int
    end_ms: int
    confidence_sum: float
    peak: float

    def continues(self, other: "Run") -> bool:
        """Whether this run goes on where the other one ends."""
        return other.last_seq + 1 == self.first_seq and other.emotion == self.emotion

    def extended(self, later: "Run") -> "Run":
        """Both in one."""
        return replace(
            self,
            last_seq=later.last_seq,
            end_ms=later.end_ms,
            confidence_sum=self.confidence_sum + later.confidence_sum,
            peak=max(self.peak, later.peak),
        )


def joined(runs: Iterable[Run]) -> list[Run]:
    """Runs of one track as the fewest runs."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda run: run.first_seq):
        if found and run.continues(found[-1]):
            found[-1] = found[-1].extended(run)
        else:
            found.append(run)
    return found


def changes(before: Iterable[Run], new: Iterable[Run]) -> tuple[list[Run], list[Run]]:
    """What to write and what to remove, of one track, for the new runs to be there."""
    old = {run.first_seq: run for run in before}
    after = {run.first_seq: run for run in joined([*old.values(), *new])}
    written = [run for seq, run in after.items() if old.get(seq) != run]
    return written, [run for seq, run in old.items() if seq not in after]
