"""How a source is, since when, why, and how it was before."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tonewatch.ingest.live.drift import AnyDrift, Drift
from tonewatch.ingest.live.quality import Quality, disturbance, quality
from tonewatch.ingest.live.transitions import SourceState, Transition
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger, scrub

HISTORY_TRANSITIONS: Final = 100
MOST_LOSSES: Final = 100
"""More than the worst word for a connection needs."""

log = get_logger(__name__)


@dataclass(slots=True)
class Status:
    """The present state of one source.

    `observe` hears of every change of state, `recount` of every change of the number of open
    sessions beside that.
    """

    source_id: str
    observe: Callable[["Status"], None]
    state: SourceState = SourceState.IDLE
    reason: str | None = None
    since: datetime = field(default_factory=utc_now)
    session_id: str | None = None
    open_sessions: int = 0
    sessions: int = 0
    drift: AnyDrift = field(default_factory=Drift)
    lost_calls: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_LOSSES))
    """When a connection of many broke off."""
    history: deque[Transition] = field(default_factory=lambda: deque(maxlen=HISTORY_TRANSITIONS))
    """The newest changes of state, oldest first."""
    replica: str | None = None
    """Who runs the source, where several replicas share the sources."""
    recount: Callable[["Status"], None] = lambda _: None
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
        found = disturbance(
            list(self.history), self.drift.seconds, utc_now(), list(self.lost_calls)
        )
        return quality(found)

    def move(self, state: SourceState, reason: str | None = None) -> bool:
        """Change the state, and say whether it was another; `since` stays with the state."""
        self.reason = None if reason is None else scrub(reason)
        if state is self.state:
            return False
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
        return True

    def began(self, session_id: str, drift: AnyDrift) -> None:
        """A session started: audio comes in, by a clock that drifts so."""
        self.session_id = session_id
        self.open_sessions = 1
        self.sessions += 1
        self.drift = drift
        self.move(SourceState.LIVE)

    def ended(self) -> None:
        """The session is over."""
        self.session_id = None
        self.open_sessions = 0
