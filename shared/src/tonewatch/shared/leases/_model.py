"""What members and the keeper of their leases say to each other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

QUIET_SHARE: Final = 0.6
"""If nobody was heard for so much of a life span, the server was away, and nobody is to blame."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to a member's sign of life.

    `living` are all members, itself among them. `held` are the leases that are its own. `lapsed`
    says that it was no member before: it is new, or was counted dead. While the group is `settling`
    after an outage, `living` holds also those who were not heard yet.
    """

    living: tuple[str, ...]
    held: frozenset[str]
    lapsed: bool
    settling: bool


class LeaseStore(Protocol):
    """Keeps the members and leases of one group; each call is one atomic step.

    Every method raises BrokerUnavailableError when the server cannot be reached.
    """

    async def turn(self, member: str, ttl: timedelta, held: Collection[str]) -> Turn:
        """A sign of life. `held` is what the member has; a server that lost its data learns it."""
        ...

    async def acquire(self, member: str, names: Collection[str]) -> frozenset[str]:
        """Take what is free of these; returns what the member holds of them now."""
        ...

    async def release(self, member: str, names: Collection[str]) -> None:
        """Let go of these, where they are the member's."""
        ...

    async def leave(self, member: str) -> None:
        """The member goes: all its leases are free at once."""
        ...

    async def tell(self, member: str, note: bytes, ttl: timedelta) -> None:
        """Leave a note for the other members; it vanishes after `ttl`."""
        ...

    async def told(self, members: Collection[str]) -> dict[str, bytes]:
        """The notes of these members, where there are some."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
