"""What goes through the worker at once: outcomes that are known already, and items to be scored."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from tonewatch.inference.batches import Item
from tonewatch.shared.broker import Delivery, Outcome


@dataclass(slots=True)
class Batch:
    """Empty if there is nothing to do."""

    known: list[Outcome] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.known or self.items)

    def __iadd__(self, other: Self) -> Self:
        self.known += other.known
        self.items += other.items
        return self

    @property
    def windows(self) -> int:
        """How many windows the engine must hear."""
        return sum(bool(item.window) for item in self.items)

    @property
    def oldest_ms(self) -> int:
        """When its oldest frame was published, by the broker's clock."""
        moments = [job.published_ms for item in self.items for job in item.group]
        return min(moments, default=0)

    def parts(self) -> Iterator[list[Item]]:
        """Items in the order in which they are to be scored: silence, seconds, utterances."""
        silent = [item for item in self.items if not item.heard]
        plain = [item for item in self.items if item.window and not item.utterances]
        closing = [item for item in self.items if item.utterances]
        yield from (part for part in (silent, plain, closing) if part)

    def deliveries(self) -> Iterator[Delivery]:
        """All that it settles, or leaves pending."""
        for outcome in self.known:
            yield outcome.delivery
        for item in self.items:
            yield from (job.delivery for job in item.group)
