"""The broker's clock as seen from here: entries are dated by it, and machines' clocks differ."""

import time
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.clock import now_ms

CHECK_SECONDS: Final = 10.0


class BrokerClock:
    """Knows how far the broker's clock is ahead of this machine's."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._ahead_ms = 0
        self._checked_at: float | None = None

    async def refresh(self) -> None:
        """Ask the broker, unless that was done lately."""
        now = time.monotonic()
        if self._checked_at is None or now - self._checked_at > CHECK_SECONDS:
            self._ahead_ms = await self._broker.now_ms() - now_ms()
            self._checked_at = now

    def now_ms(self) -> int:
        """The broker's time, in milliseconds since 1970."""
        return now_ms() + self._ahead_ms

    def age_seconds(self, published_ms: int) -> float:
        """How long ago the broker took an entry; never negative."""
        return max(0, self.now_ms() - published_ms) / 1000
