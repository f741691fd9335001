"""What the engine sees of a message: one second of a track, heard, silent or unheard."""

from dataclasses import dataclass
from datetime import datetime

from tonewatch.shared.messages import Gap, Score

ROUNDING_SLACK = 1e-3
"""float32 sums of a softmax stray from 1 by less than this; more is no probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """One second of a track, or (unheard only) a stretch of them, `first` to `last`."""

    first: int
    last: int
    probabilities: tuple[float, ...] | None = None
    silent: bool = False
    captured_at: datetime | None = None
    final: bool = False

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.last - self.first + 1


def second_of(message: Score | Gap) -> Second:
    """The second that a message speaks of; a posterior that is none makes it unheard."""
    if isinstance(message, Gap):
        last = max(message.first_seq, message.last_seq)
        return Second(first=message.first_seq, last=last, final=message.final)
    posterior = message.probabilities
    silent = posterior is None
    if posterior is not None and not _is_posterior(posterior):
        posterior = None
    return Second(
        first=message.seq,
        last=message.seq,
        probabilities=posterior,
        silent=silent,
        captured_at=message.captured_at,
        final=message.final,
    )


def unheard(first: int, last: int) -> Second:
    """Seconds that never came."""
    return Second(first=first, last=last)


def _is_posterior(values: tuple[float, ...]) -> bool:
    # NaN compares false with everything, so it is caught here too
    return all(-ROUNDING_SLACK <= value <= 1 + ROUNDING_SLACK for value in values)
