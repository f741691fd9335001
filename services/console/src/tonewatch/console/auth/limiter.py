"""How often somebody may guess: a wait that doubles with each failure, by address and by account.

It is held in memory: there is one console, and who can restart it can do worse.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tonewatch.shared.errors import TonewatchError

FREE_ATTEMPTS: Final = 5
FIRST_WAIT_SECONDS: Final = 2.0
FORGET_SECONDS: Final = 3600.0
MOST_KEPT: Final = 20_000


class TooManyAttemptsError(TonewatchError):
    """Too many attempts; wait a while."""

    status_code = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__(f"too many attempts to sign in; try again in {self.seconds} s")


@dataclass(slots=True)
class _Tally:
    failures: int
    free_at: float
    last: float


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose attempts are counted together, and how long it may have to wait at most."""

    name: str
    longest_seconds: float


class Limiter:
    """Counts attempts; every one is a failure until it is told to have succeeded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()

    def attempt(self, subjects: Sequence[Subject]) -> None:
        """Count an attempt, before it is looked at: many at once are no way around.

        Raises:
            TooManyAttemptsError: one of the subjects has to wait; nothing was counted.
        """
        now = self._clock()
        waits = [self._tally(subject, now).free_at - now for subject in subjects]
        if (wait := max(waits, default=0)) > 0:
            raise TooManyAttemptsError(wait)
        for subject in subjects:
            tally = self._tally(subject, now)
            tally.failures += 1
            tally.last = now
            beyond = tally.failures - FREE_ATTEMPTS
            if beyond >= 0:
                wait = min(FIRST_WAIT_SECONDS * 2 ** min(beyond, 32), subject.longest_seconds)
                tally.free_at = now + wait

    def clear(self, subject: Subject) -> None:
        """Start afresh: whoever it is has shown the right password."""
        self._tallies.pop(subject.name, None)

    def forgive(self, subject: Subject) -> None:
        """The last attempt was none of a guesser; those before it stay, which may be others'."""
        tally = self._tallies.get(subject.name)
        if tally is not None:
            tally.failures = max(0, tally.failures - 1)
            tally.free_at = 0.0

    def _tally(self, subject: Subject, now: float) -> _Tally:
        tally = self._tallies.get(subject.name)
        if tally is None or now - tally.last > FORGET_SECONDS:
            tally = self._tallies[subject.name] = _Tally(0, 0.0, now)
        self._tallies.move_to_end(subject.name)
        if len(self._tallies) > MOST_KEPT:
            self._tallies.popitem(last=False)
        return tally
