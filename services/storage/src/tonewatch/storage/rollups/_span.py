"""The records of one pass."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Records whose id is greater than `after` and at most `last`."""

    after: int
    last: int

    @property
    def bounds(self) -> dict[str, int]:
        """As the parameters of a statement with the condition `WITHIN`."""
        return {"after": self.after, "last": self.last}


WITHIN = "id > :after AND id <= :last"
"""The condition, for a statement on `emotion_records`."""
