"""A stored rule as it stood at a version, and what somebody wants to change."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

ANY: Final = "*"
"""In the place of a version: whatever it is by now."""

Seen = int | str | None
"""The version that somebody looked at before a change, `ANY`, or None if they do not say."""


class RuleAction(StrEnum):
    """What led to a version."""

    ADDED = "added"
    CHANGED = "changed"
    ENABLED = "enabled"
    DISABLED = "disabled"
    RESTORED = "restored"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class StoredRule:
    """One version of a rule; `rule` is None where it was deleted."""

    name: str
    version: int
    action: RuleAction
    rule: dict[str, Any] | None
    author: str
    comment: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Who changes a rule, why, and which version they looked at."""

    by: str
    comment: str = ""
    seen: Seen = None
