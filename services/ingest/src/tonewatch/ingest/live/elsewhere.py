"""How sources are that other replicas run, as those tell it every second or so.

Their notes also name the uploads whose end was asked of them, and that they do not take in.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, ValidationError

from tonewatch.ingest.live.quality import Quality, worse
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.transitions import SourceState, Transition
from tonewatch.shared.logging import get_logger

log = get_logger(__name__)

_RANK: Final = {SourceState.LIVE: 2, SourceState.IDLE: 0}
"""Which state says more of a source that has calls on two replicas; the others are between."""


class Report(BaseModel):
    """What a replica tells of a source that it runs."""

    source_id: str
    state: SourceState
    reason: str | None
    since: datetime
    session_id: str | None
    open_sessions: int
    sessions: int
    quality: Quality | None
    replica: str | None

    @classmethod
    def of(cls, status: Status) -> Self:
        """A status as others get it."""
        return cls(
            source_id=status.source_id,
            state=status.state,
            reason=status.reason,
            since=status.since,
            session_id=status.session_id,
            open_sessions=status.open_sessions,
            sessions=status.sessions,
            quality=status.quality(),
            replica=status.replica,
        )


class Note(BaseModel):
    """What a replica tells the others."""

    reports: list[Report] = []
    cancels: list[str] = []


def encode(statuses: Iterable[Status], cancels: Iterable[str] = ()) -> bytes:
    """The note that a replica leaves for the others."""
    note = Note(reports=[Report.of(status) for status in statuses], cancels=list(cancels))
    return note.model_dump_json().encode()


class Elsewhere:
    """The newest reports of the others.

    `changed` is told of each source whose state, or number of open sessions, changed.
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._statuses: dict[str, Status] = {}
        self.cancels: frozenset[str] = frozenset()
        """Uploads that the others ask whoever has them to end."""

    def status(self, source_id: str) -> Status | None:
        """How a source is elsewhere; None if nobody else runs it."""
        return self._statuses.get(source_id)

    def update(self, notes: Iterable[bytes]) -> None:
        """Take over what all the others tell now; who tells nothing any more is dead."""
        told_now = [_read(note) for note in notes]
        self.cancels = frozenset(each for note in told_now for each in note.cancels)
        former, self._statuses = self._statuses, {}
        for report in (report for note in told_now for report in note.reports):
            told, known = _status(report), self._statuses.get(report.source_id)
            self._statuses[report.source_id] = combined(told, known) if known else told
        for source_id, status in self._statuses.items():
            before = former.get(source_id)
            if before is not None:
                status.history = before.history
            if before is None or before.state is not status.state:
                status.history.append(Transition(status.since, status.state, status.reason))
                self._changed(source_id)
            elif before.open_sessions != status.open_sessions:
                self._changed(source_id)


def combined(one: Status, other: Status) -> Status:
    """A source with calls on two replicas."""
    first, second = sorted((one, other), key=lambda each: _RANK.get(each.state, 1), reverse=True)
    return replace(
        first,
        session_id=first.session_id or second.session_id,
        open_sessions=one.open_sessions + other.open_sessions,
        sessions=one.sessions + other.sessions,
        told_quality=worse(one.quality(), other.quality()),
    )


def _read(note: bytes) -> Note:
    try:
        return Note.model_validate_json(note)
    except ValidationError as error:
        log.warning("a replica of another version tells what cannot be read", reason=str(error))
        return Note()


def _status(report: Report) -> Status:
    return Status(
        report.source_id,
        lambda _: None,
        state=report.state,
        reason=report.reason,
        since=report.since,
        session_id=report.session_id,
        open_sessions=report.open_sessions,
        sessions=report.sessions,
        replica=report.replica,
        told_quality=report.quality,
    )
