"""One attempt to tell one receiver, whatever the channel."""

from dataclasses import dataclass
from typing import Protocol

from tonewatch.alerting.delivery.tables import DeliveryRow, WebhookRow

MAX_RESPONSE = 2048
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


class ChannelSender(Protocol):
    """A way to tell somebody."""

    async def send(self, delivery: DeliveryRow, webhook: WebhookRow | None) -> Attempt:
        """Try once; never raises for what the receiver or the network does."""

    async def close(self) -> None:
        """Release connections."""
