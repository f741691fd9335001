"""How a source is, since when, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger, scrub

log = get_logger(__name__)


class SourceState(StrEnum):
    """What a supervisor says of its source."""

    IDLE = "idle"  # nobody pushes
    CONNECTING = "connecting"  # started, no audio yet
    LIVE = "live"  # audio comes in
    STALLED = "stalled"  # connected, but audio stopped coming
    BACKOFF = "backoff"  # lost or unreachable; it will be tried again
    ENDED = "ended"  # a recording was read to its end
    FAILED = "failed"  # given up until somebody changes something


@dataclass(slots=True)
class Status:
    """The present state of one source; `observe` hears of every change of state."""

    source_id: str
    observe: Callable[[SourceState], None]
    state: SourceState = SourceState.IDLE
    reason: str | None = None
    since: datetime = field(default_factory=utc_now)
    session_id: str | None = None
    sessions: int = 0

    @property
    def reconnects(self) -> int:
        """Sessions after the first one, since ingest was started."""
        return max(0, self.sessions - 1)

    def move(self, state: SourceState, reason: str | None = None) -> None:
        """Change the state; `since` stays while only the reason changes."""
        self.reason = None if reason is None else scrub(reason)
        if state is self.state:
            return
        log.info(
            "source changed",
            source_id=self.source_id,
            state=state.value,
            before=self.state.value,
            reason=self.reason,
        )
        self.state, self.since = state, utc_now()
        self.observe(state)

    def began(self, session_id: str) -> None:
        """A session started: audio comes in."""
        self.session_id = session_id
        self.sessions += 1
        self.move(SourceState.LIVE)

    def ended(self) -> None:
        """The session is over."""
        self.session_id = None
