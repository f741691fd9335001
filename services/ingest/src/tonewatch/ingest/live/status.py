"""How a source is, since when, why, and how it was before."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tonewatch.ingest.live.drift import Drift
from tonewatch.ingest.live.quality import Quality, disturbance, quality
from tonewatch.ingest.live.transitions import SourceState, Transition
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger, scrub

HISTORY_TRANSITIONS: Final = 100

log = get_logger(__name__)


@dataclass(slots=True)
class Status:
    """The present state of one source; `observe` hears of every change of state."""

    source_id: str
    observe: Callable[["Status"], None]
    state: SourceState = SourceState.IDLE
    reason: str | None = None
    since: datetime = field(default_factory=utc_now)
    session_id: str | None = None
    open_sessions: int = 0
    sessions: int = 0
    drift: Drift = field(default_factory=Drift)
    history: deque[Transition] = field(default_factory=lambda: deque(maxlen=HISTORY_TRANSITIONS))
    """The newest changes of state, oldest first."""
    replica: str | None = None
    """Who runs the source, where several replicas share the sources."""
    told_quality: Quality | None = None
    """The quality as another replica tells it."""

    @property
    def reconnects(self) -> int:
        """Sessions after the first one, since ingest was started."""
        return max(0, self.sessions - 1)

    def quality(self) -> Quality | None:
        """The connection over the last hour; None if there was no audio to judge by."""
        if self.told_quality is not None:
            return self.told_quality
        return quality(disturbance(list(self.history), self.drift.seconds, utc_now()))

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
        self.history.append(Transition(self.since, state, self.reason))
        self.observe(self)

    def began(self, session_id: str) -> None:
        """A session started: audio comes in."""
        self.session_id = session_id
        self.open_sessions = 1
        self.sessions += 1
        self.drift = Drift()
        self.move(SourceState.LIVE)

    def ended(self) -> None:
        """The session is over."""
        self.session_id = None
        self.open_sessions = 0
