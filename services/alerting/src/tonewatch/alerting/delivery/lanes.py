"""What one receiver is being sent: a short queue of its own, so that nobody waits for another's.

A receiver that failed is tried with one message at a time until it works again: what hangs holds
one connection, not all of them.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from tonewatch.alerting.delivery.leasing import Demand
from tonewatch.alerting.delivery.receivers import Receiver
from tonewatch.alerting.delivery.tables import DeliveryRow

Message = list[DeliveryRow]
"""Deliveries that one request tells of."""

DEPTH: Final = 64
"""Messages taken from the outbox at a time."""

FIRST_WIDTH: Final = 4
"""Messages in flight to a receiver that answers quickly: more connections only cost time."""

QUICK_MS: Final = 10
"""Answers that take longer are waited for side by side."""


@dataclass(slots=True)
class Lane:
    """One receiver's queue and its messages in flight."""

    receiver_id: str
    widest: int
    wanted_width: int = FIRST_WIDTH
    queue: deque[Message] = field(default_factory=deque)
    running: int = 0
    is_failing: bool = False
    again_ms: int | None = None
    has_more: bool = False
    """Whether the outbox had as much as was asked for."""

    @property
    def width(self) -> int:
        """How many messages may be in flight now."""
        return 1 if self.is_failing else min(self.wanted_width, self.widest)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self.queue and not self.running

    @property
    def is_low(self) -> bool:
        """Whether it is time to take more from the outbox."""
        return len(self.queue) <= DEPTH // 2

    def answered(self, latency_ms: int) -> None:
        """A message was taken: have more in flight while answers are slow, fewer while quick."""
        self.is_failing = False
        step = 1 if latency_ms > QUICK_MS else -1
        self.wanted_width = min(max(self.wanted_width + step, FIRST_WIDTH), self.widest)

    def demand(self, receiver: Receiver | None, now_ms: int) -> Demand | None:
        """What to take from the outbox; None while there is enough in hand, or the pace says so."""
        pace = None if receiver is None else receiver.pace
        if pace is not None and self.again_ms is not None and now_ms < self.again_ms:
            return None
        if receiver is not None and receiver.joins:
            # the longer it waits, the more is joined: never take while something is in hand
            wanted = 1 if self.is_idle else 0
        elif self.is_failing:
            wanted = 1 if self.is_idle else 0
        else:
            wanted = DEPTH - len(self.queue) if self.is_low else 0
        if wanted == 0:
            return None
        return Demand(
            receiver=self.receiver_id,
            count=wanted,
            pace=pace,
            joins=receiver is not None and receiver.joins,
        )
