"""How many messages a receiver may get: the generic cell rate algorithm (GCRA, ITU-T I.371).

One number per receiver is its whole memory, so that replicas share it through the database: the
time at which the receiver will be as if it had never got a message.
"""

from dataclasses import dataclass
from typing import Final

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_minute` messages in any minute, a quarter of them at once."""

    per_minute: int

    @property
    def burst(self) -> int:
        """Messages that may go out at once after a pause."""
        return max(1, self.per_minute // 4)

    @property
    def interval_ms(self) -> int:
        """Time in which one more message is allowed; burst and refill make a minute's limit."""
        return -(-MINUTE_MS // (self.per_minute - self.burst + 1))

    def allowed(self, paced_until_ms: int, now_ms: int) -> int:
        """How many messages may go out now."""
        busy = max(0, paced_until_ms - now_ms)
        return max(0, self.burst - -(-busy // self.interval_ms))

    def after(self, paced_until_ms: int, now_ms: int, messages: int) -> int:
        """The receiver's number once these messages went out."""
        return max(paced_until_ms, now_ms) + messages * self.interval_ms

    def next_ms(self, paced_until_ms: int) -> int:
        """When one more message is allowed."""
        return paced_until_ms - (self.burst - 1) * self.interval_ms

    def paused(self, until_ms: int) -> int:
        """The number of a receiver that must be left alone until then."""
        return until_ms + (self.burst - 1) * self.interval_ms
