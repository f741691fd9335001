"""Deliveries as storage understands them: decoded, with the matrix ready to be stored."""

from dataclasses import dataclass

from tonewatch.shared.broker import Delivery
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import Message, Score
from tonewatch.storage.steps import pack_steps


@dataclass(frozen=True, slots=True)
class Item:
    """One message to be stored."""

    delivery: Delivery
    message: Message
    steps: bytes | None = None

    def without_steps(self) -> "Item":
        """The same without its matrix, where there is no room for it."""
        return Item(self.delivery, self.message)


def item_of(delivery: Delivery) -> Item:
    """The delivery's message.

    Raises:
        InvalidMessageError: it can never be stored.
    """
    message = decode(delivery.stream, delivery.entry)
    if not isinstance(message, Score):
        return Item(delivery, message)
    blob = delivery.entry.fields.get("steps", b"")
    return Item(delivery, message, pack_steps(blob, message.steps))
