"""What the engine sees of a message: a second (heard, silent or unheard), or an utterance."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.messages import Gap, Score

if TYPE_CHECKING:
    from tonewatch.alerting.engine._measure import Measured

ROUNDING_SLACK: Final = 1e-3
"""float32 sums of a softmax stray from 1 by less than this; more is no probability."""

SECOND_MS: Final = 1000

Rows = NDArray[np.floating]
"""Posteriors, shape (steps, 9)."""


@dataclass(slots=True, kw_only=True)
class Second:
    """One second of a track, or (unheard only) a stretch of them, `first` to `last`.

    `steps` are finer posteriors inside the second, shape (n, 9), evenly spread over it; without
    them `probabilities` hold for all of it. Only a track's last second may be shorter.
    """

    first: int
    last: int
    probabilities: tuple[float, ...] | None = None
    steps: Rows | None = None
    silent: bool = False
    captured_at: datetime | None = None
    duration_ms: int = SECOND_MS
    final: bool = False
    measured: "Measured | None" = field(default=None, compare=False)

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.last - self.first + 1

    @property
    def heard(self) -> bool:
        """Whether there is a posterior."""
        return self.probabilities is not None

    def rows(self) -> Rows:
        """The finest posteriors there are, shape (n, 9)."""
        return np.array([self.probabilities]) if self.steps is None else self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A stretch of speech between pauses, with one posterior; numbered within its track."""

    number: int
    start_ms: int
    end_ms: int
    probabilities: tuple[float, ...]
    captured_at: datetime


def second_of(message: Score | Gap, steps: bytes = b"") -> Second:
    """The second that a message speaks of; a posterior that is none makes it unheard.

    `steps` is the message's binary field: float32, little-endian, n x 9; if it does not have the
    shape that the message says, the second's own posterior is used.
    """
    if isinstance(message, Gap):
        last = max(message.first_seq, message.last_seq)
        return Second(first=message.first_seq, last=last, final=message.final)
    posterior = message.probabilities
    silent = posterior is None
    if posterior is not None and not _is_posterior(posterior):
        posterior = None
    duration_ms = message.end_ms - message.start_ms
    return Second(
        first=message.seq,
        last=message.seq,
        probabilities=posterior,
        steps=None if posterior is None else _matrix(steps, message.steps),
        silent=silent,
        captured_at=message.captured_at,
        duration_ms=duration_ms if 0 < duration_ms < SECOND_MS else SECOND_MS,
        final=message.final,
    )


def utterance_of(message: Score) -> Utterance | None:
    """The utterance that a score speaks of; None where its posterior is none."""
    posterior = message.probabilities
    if posterior is None or not _is_posterior(posterior):
        return None
    return Utterance(
        number=message.seq,
        start_ms=message.start_ms,
        end_ms=max(message.end_ms, message.start_ms + 1),
        probabilities=posterior,
        captured_at=message.captured_at,
    )


def unheard(first: int, last: int) -> Second:
    """Seconds that never came."""
    return Second(first=first, last=last)


def _matrix(steps: bytes, rows: int) -> Rows | None:
    if rows < 1 or len(steps) != 4 * rows * len(EMOTIONS):
        return None
    return np.frombuffer(steps, dtype="<f4").reshape(rows, len(EMOTIONS))


def _is_posterior(values: tuple[float, ...]) -> bool:
    # NaN compares false with everything, so it is caught here too
    return all(-ROUNDING_SLACK <= value <= 1 + ROUNDING_SLACK for value in values)
