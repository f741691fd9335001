"""Deliveries as storage understands them: decoded, with the matrices ready to be stored."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tonewatch.shared.broker import Delivery, Entry, Outcome
from tonewatch.shared.broker.codec import HEADER, decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Message, Score
from tonewatch.storage.steps import check_steps, pack_steps

LABEL_LENGTH: Final = 256
"""Characters of a label's value, at most."""
CUT: Final = "…"
"""What stands at the end of a value that was longer."""


@dataclass(slots=True)
class Item:
    """One message to be stored."""

    delivery: Delivery
    message: Message
    steps: bytes | None = None
    cells: tuple[Any, ...] | None = None
    """What can be said of a score's row before its transaction; see `Store.prepare`."""

    def without_steps(self) -> "Item":
        """The same without its matrix, where there is no room for it."""
        return Item(self.delivery, self.message, cells=self.cells)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Deliveries: what can be stored, and what never can."""

    items: list[Item]
    dead: list[Outcome]


def decoded(batch: Sequence[Delivery]) -> Decoded:
    """The messages of deliveries; those that are none become dead letters."""
    items: list[Item] = []
    dead: list[Outcome] = []
    blobs: list[bytes] = []
    for delivery in batch:
        try:
            message = _message(delivery)
            blob = b""
            if isinstance(message, Score):
                blob = delivery.entry.fields.get("steps", b"")
                check_steps(blob, message.steps)
        except InvalidMessageError as error:
            dead.append(Outcome(delivery, dead=error.message))
        else:
            items.append(Item(delivery, message))
            blobs.append(blob)
    try:
        packed = pack_steps(blobs)
    except InvalidMessageError as error:
        if len(batch) == 1:
            return Decoded([], [Outcome(batch[0], dead=error.message)])
        each = [decoded([item.delivery]) for item in items]
        items = [item for one in each for item in one.items]
        return Decoded(items, dead + [outcome for one in each for outcome in one.dead])
    for item, steps in zip(items, packed, strict=True):
        item.steps = steps
    return Decoded(items, dead)


def _message(delivery: Delivery) -> Message:
    """The message; a label that is too long is cut, for its second is worth more than its end."""
    try:
        return decode(delivery.stream, delivery.entry)
    except InvalidMessageError:
        shortened = _shortened(delivery.entry)
        if shortened is None:
            raise
        return decode(delivery.stream, shortened)


def _shortened(entry: Entry) -> Entry | None:
    """The entry with long labels cut; None if that is not what is wrong with it."""
    try:
        header = json.loads(entry.header)
        labels = dict(header["labels"])
    except (ValueError, TypeError, LookupError):
        return None
    long = {n: v for n, v in labels.items() if isinstance(v, str) and len(v) > LABEL_LENGTH}
    if not long:
        return None
    cut = {name: value[: LABEL_LENGTH - len(CUT)] + CUT for name, value in long.items()}
    text = json.dumps(header | {"labels": labels | cut})
    return Entry(entry.entry_id, {**entry.fields, HEADER: text.encode()})


def item_of(delivery: Delivery) -> Item:
    """The delivery's message.

    Raises:
        InvalidMessageError: it can never be stored.
    """
    one = decoded([delivery])
    if one.dead:
        raise InvalidMessageError(one.dead[0].dead or "")
    return one.items[0]
