"""When a failed delivery is tried again: soon at first, for a live call; then for most of a day."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS_SECONDS: Final = (0, 1, 5, 15, 60, 300, 1800, 7200, 21600, 43200)
"""Before each attempt, counted from the one before."""

ATTEMPTS: Final = len(DELAYS_SECONDS)
JITTER: Final = 0.2
LONGEST_RETRY_AFTER_SECONDS: Final = 43200.0


def delay_seconds(attempts: int, retry_after: float | None = None) -> float:
    """How long to wait after the given number of failed attempts; jittered by a fifth.

    A receiver that asks for more patience (`Retry-After`) gets it, up to twelve hours.
    """
    index = min(attempts, ATTEMPTS - 1)
    delay = DELAYS_SECONDS[index] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter
    return max(delay, min(retry_after or 0.0, LONGEST_RETRY_AFTER_SECONDS))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from the header's number or HTTP date; None if there is none."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value, now)
    return seconds if seconds >= 0 else None  # NaN too is no wait


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
