"""What the suite has to know about a process it runs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

Ready = Callable[[], Awaitable[str | None]]
"""Answers None when the process can do its work, else why it cannot yet."""


class Stage(IntEnum):
    """When a process is stopped: lower first, so that nothing loses what it writes to."""

    PUBLISHER = 0
    DOORS = 1
    INGEST = 2
    WORKERS = 3
    RECEIVER = 4
    BROKER = 5


async def at_once() -> str | None:
    """For processes that nobody waits for."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process of the suite; `env` is added to the suite's own environment."""

    name: str
    argv: tuple[str, ...]
    stage: Stage
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Ready = at_once
