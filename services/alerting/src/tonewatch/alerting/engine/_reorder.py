"""Puts a track's seconds back in order, within bounds.

What is next in order passes at once. What is ahead of a missing second is held (by the caller, not
yet acknowledged) until the missing one comes, or until enough newer audio has come that waiting
longer would only delay alerts.
"""

import heapq
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar

from tonewatch.alerting.engine._seconds import Second
from tonewatch.alerting.engine._state import TrackState

T = TypeVar("T")


class Verdict(Enum):
    """What became of a second."""

    READY = auto()  # next in order: evaluate it (what lies before it is missing for good)
    DOUBLED = auto()  # its place was already taken
    LATE = auto()  # its place was passed as missing
    KNOWN = auto()  # the very same entry is held already
    HELD = auto()  # waits for what is missing before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long a missing second is waited for.

    It is passed after `newer_seconds` of newer audio, but not before `least_wait_seconds` (uploads
    run faster than live); in any case after `longest_wait_seconds` or `most_held` held entries.
    """

    newer_seconds: int = 15
    least_wait_seconds: float = 10.0
    longest_wait_seconds: float = 30.0
    most_held: int = 3600


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A second, the stream entry it came in, and what the caller needs to settle it."""

    second: Second
    entry_id: str
    payload: T


class Reorder(Generic[T]):
    """The seconds of one track that are ahead of a missing one."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._order: list[int] = []
        self._held: dict[int, Held[T]] = {}
        self._blocked_since: float | None = None

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, held: Held[T]) -> Verdict:
        """Take a second in; DOUBLED and KNOWN ones are not kept."""
        first = held.second.first
        present = self._held.get(first)
        if present is not None:
            same = present.entry_id == held.entry_id
            return Verdict.KNOWN if same else Verdict.DOUBLED
        self._held[first] = held
        heapq.heappush(self._order, first)
        return Verdict.HELD

    def take(self, state: TrackState, now: float) -> tuple[Verdict, Held[T]] | None:
        """The next second that can be dealt with at `now` (any clock, in seconds), or None."""
        if not self._order:
            self._blocked_since = None
            return None
        first = self._order[0]
        if state.ended or self._held[first].second.last < state.next_seq:
            late = not state.ended and state.was_passed(first)
            return (Verdict.LATE if late else Verdict.DOUBLED), self._pop()
        if first > state.next_seq and not self._may_pass(now):
            return None
        self._blocked_since = None
        return Verdict.READY, self._pop()

    def _pop(self) -> Held[T]:
        return self._held.pop(heapq.heappop(self._order))

    def _may_pass(self, now: float) -> bool:
        if self._blocked_since is None:
            self._blocked_since = now
        waited, bounds = now - self._blocked_since, self._bounds
        if waited >= bounds.longest_wait_seconds or len(self._held) >= bounds.most_held:
            return True
        if waited < bounds.least_wait_seconds:
            return False
        newer = sum(held.second.seconds for held in self._held.values())
        return newer >= bounds.newer_seconds
