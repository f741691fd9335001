"""What goes on now, summed up: a page that has just been opened starts from this.

The board owns nothing. It is built from the streams, again at every start of the console, and
forgets: ended calls after two minutes, silent ones after half an hour.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tonewatch.console.live.events import Sees, everything, public_data
from tonewatch.console.live.ribbon import Ribbon
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.messages import (
    Alert,
    Gap,
    Granularity,
    Lane,
    Message,
    Score,
    SessionEvent,
    SessionState,
    Speaker,
)

KEEP_ENDED: Final = timedelta(minutes=2)
KEEP_SILENT: Final = timedelta(minutes=30)
MAX_SESSIONS: Final = 2_000
MAX_ALERTS: Final = 200


@dataclass(slots=True)
class _Session:
    """A session as far as the streams have told of it."""

    session_id: str
    source_id: str
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""
    kind: str = ""
    lane: Lane | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    tracks: dict[Speaker, Ribbon] = field(default_factory=dict)
    touched_ms: int = 0

    def public(self) -> dict[str, Any]:
        return {
            "session_id": self.session_id,
            "source_id": self.source_id,
            "name": self.name,
            "kind": self.kind,
            "labels": self.labels,
            "state": "ended" if self.ended_at else "live",
            "started_at": iso_utc(self.started_at) if self.started_at else None,
            "ended_at": iso_utc(self.ended_at) if self.ended_at else None,
            "tracks": [
                {"speaker": speaker.value, **ribbon.public()}
                for speaker, ribbon in self.tracks.items()
            ],
        }


class Board:
    """Live sessions with their ribbons, and the newest alerts."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._alerts: dict[str, Alert] = {}

    def apply(self, message: Message, published_ms: int) -> None:
        """Take one message in; the same message twice changes nothing."""
        if isinstance(message, Alert):
            self._apply_alert(message)
            return
        session = self._session(message)
        session.touched_ms = max(session.touched_ms, published_ms)
        if isinstance(message, SessionEvent):
            _apply_session(session, message)
        elif isinstance(message, Score) and message.granularity is Granularity.FRAME:
            ribbon = session.tracks.setdefault(message.speaker, Ribbon())
            ribbon.score(message.seq, str(message.emotion), message.confidence)
        elif isinstance(message, Gap):
            ribbon = session.tracks.setdefault(message.speaker, Ribbon())
            ribbon.gap(message.first_seq, message.last_seq)

    def public(
        self, now_ms: int, sees: Sees = everything, *, with_sessions: bool = True
    ) -> dict[str, Any]:
        """Sessions (without uploads: nobody is on the line) and alerts, newest alert first."""
        self._forget(now_ms)
        known = self._sessions.values() if with_sessions else ()
        live = [session for session in known if session.lane is not Lane.UPLOAD]
        alerts = [alert for alert in reversed(self._alerts.values()) if sees(alert.labels)]
        return {
            "sessions": [session.public() for session in live if sees(session.labels)],
            "alerts": list(map(public_data, alerts)),
        }

    def _session(self, message: Message) -> _Session:
        known = self._sessions.get(message.session_id)
        if known is None:
            if len(self._sessions) >= MAX_SESSIONS:
                oldest = min(self._sessions.values(), key=lambda session: session.touched_ms)
                del self._sessions[oldest.session_id]
            known = _Session(message.session_id, message.source_id, dict(message.labels))
            self._sessions[message.session_id] = known
        return known

    def _apply_alert(self, alert: Alert) -> None:
        known = self._alerts.get(alert.alert_id)
        if known is not None and known.decided_at > alert.decided_at:
            return
        self._alerts[alert.alert_id] = alert
        if len(self._alerts) > MAX_ALERTS:
            del self._alerts[next(iter(self._alerts))]

    def _forget(self, now_ms: int) -> None:
        for session in list(self._sessions.values()):
            keep = KEEP_ENDED if session.ended_at else KEEP_SILENT
            if now_ms - session.touched_ms > keep.total_seconds() * 1000:
                del self._sessions[session.session_id]


def _apply_session(session: _Session, event: SessionEvent) -> None:
    session.name, session.kind, session.lane = event.name, event.kind, event.lane
    session.labels = dict(event.labels)
    if event.state is SessionState.STARTED:
        session.started_at = event.at
    else:
        session.ended_at = event.at
