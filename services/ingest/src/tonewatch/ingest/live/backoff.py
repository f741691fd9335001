"""Pauses between attempts: doubling to a cap, with jitter, so that many sources spread out."""

import random
from typing import Final

FIRST_SECONDS: Final = 0.5
JITTER: Final = 0.2


class Backoff:
    """The pauses of one source.

    The cap is low (a returning stream should be heard within five seconds), except where the other
    side answers without any audio: that rarely changes by itself.
    """

    def __init__(self, *, cap_seconds: float, broken_cap_seconds: float) -> None:
        self._cap_seconds = cap_seconds
        self._broken_cap_seconds = broken_cap_seconds
        self._next_seconds = FIRST_SECONDS

    def reset(self) -> None:
        """There was audio: begin anew."""
        self._next_seconds = FIRST_SECONDS

    def next_seconds(self, *, broken: bool = False) -> float:
        """The next pause."""
        cap = self._broken_cap_seconds if broken else self._cap_seconds
        base = min(self._next_seconds, cap)
        self._next_seconds = min(2 * base, cap)
        return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter, no secret
