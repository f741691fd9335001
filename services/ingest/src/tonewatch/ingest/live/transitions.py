"""The states of a source, and what it went through."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SourceState(StrEnum):
    """What a supervisor says of its source."""

    IDLE = "idle"  # nobody pushes
    CONNECTING = "connecting"  # started, no audio yet
    LIVE = "live"  # audio comes in
    STALLED = "stalled"  # connected, but audio stopped coming
    BACKOFF = "backoff"  # lost or unreachable; it will be tried again
    ENDED = "ended"  # a recording was read to its end
    FAILED = "failed"  # given up until somebody changes something


@dataclass(frozen=True, slots=True)
class Transition:
    """A source came into a state."""

    at: datetime
    state: SourceState
    reason: str | None
