"""What to do when frames come faster than they can be scored: a larger hop, then shedding.

The measure is the age of the oldest live frame that waits. Redis's own `lag` stays wrong after a
trim, and a queue's length says nothing without the speed of the engine.
"""

import math
from typing import Final

LONGEST_HOP: Final = 3


class Overload:
    """The hop now, in seconds, and the age at which frames are given up."""

    def __init__(
        self, window_seconds: float, hop_after_seconds: float, shed_after_seconds: float
    ) -> None:
        # a window of one second cannot answer for two
        self._longest_hop = min(LONGEST_HOP, math.floor(window_seconds))
        self._hop_after_seconds = hop_after_seconds
        self._shed_after_seconds = shed_after_seconds
        self.hop = 1

    def measured(self, oldest_seconds: float) -> int:
        """Learn how old the oldest live frame is that waits; returns the hop for it.

        The hop is two seconds from `hop_after_seconds` on and three from twice that on. It comes
        back at half of the age that raised it, so that it does not flutter.
        """
        while self.hop < self._longest_hop and oldest_seconds > self._hop_after_seconds * self.hop:
            self.hop += 1
        while self.hop > 1 and oldest_seconds < self._hop_after_seconds * (self.hop - 1) / 2:
            self.hop -= 1
        return self.hop

    @property
    def give_up_seconds(self) -> float:
        """The age from which frames are shed; infinite as long as a larger hop may help."""
        return self._shed_after_seconds if self.hop == self._longest_hop else math.inf
