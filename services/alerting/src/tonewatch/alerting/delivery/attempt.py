"""One attempt to tell one receiver, whatever the channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from tonewatch.alerting.delivery.tables import DeliveryRow

MAX_RESPONSE: Final = 2048
"""Kept of a receiver's answer, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt went."""

    delivered: bool
    latency_ms: int = 0
    status: int | None = None
    response: str = ""
    error: str = ""
    retry_after_seconds: float | None = None
    gone: bool = False
    """The receiver says that it will never listen again."""
    expired: bool = False
    """Nothing was sent, because it would have come too late."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: str | None = None
    """What was sent, where it is not the delivery's payload."""
    joined: int = 1
    """Deliveries that the message told of."""


class ChannelSender(Protocol):
    """A way to tell somebody."""

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Try once to tell of these in one message; never raises for what a receiver does.

        There is more than one delivery only where the channel joins them (digests).
        """
