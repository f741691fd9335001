"""Who should hold what: rendezvous hashing, so that all members come to the same answer alone.

When a member comes or goes, only its own share moves.
"""

from collections.abc import Iterable
from hashlib import blake2b


def chosen(name: str, members: Iterable[str]) -> str | None:
    """The member that should hold this; None if there are no members."""
    return max(members, key=lambda member: _weight(member, name), default=None)


def _weight(member: str, name: str) -> tuple[bytes, str]:
    return blake2b(f"{member}\x1f{name}".encode(), digest_size=8).digest(), member
