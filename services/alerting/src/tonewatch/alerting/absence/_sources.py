"""The live sources, as far as the sessions stream tells: are they up?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tonewatch.shared.messages import Lane, Message, SessionEvent, SessionState

MAX_SOURCES: Final = 50_000

BROKEN_ENDS: Final = (
    "no audio for",
    "the connection broke",
    "ffmpeg ended",
    "internal error",
    "ingest was stopped without warning",
)
"""How the reasons of sessions begin that ended otherwise than anybody wanted."""

PULLED: Final = "pull"
PULL_ENDED: Final = "the stream ended"
"""A pulled stream is meant to go on: there, nobody hangs up."""


@dataclass(slots=True)
class Source:
    """The newest session of one source."""

    newest: SessionEvent
    """What is known of it last: its end, if that has come."""

    @property
    def ended(self) -> SessionEvent | None:
        """Its end."""
        return self.newest if self.newest.state is SessionState.ENDED else None


class Sources:
    """The sources of live audio by their id."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def read(self, messages: Iterable[Message]) -> None:
        """Take in what sessions did; those of different partitions come in any order."""
        for event in messages:
            if isinstance(event, SessionEvent) and event.lane is Lane.LIVE:
                self._read(event)
        while len(self._sources) > MAX_SOURCES:
            self._sources.pop(next(iter(self._sources)))

    def get(self, source_id: str) -> Source | None:
        """The newest session, if any is known."""
        return self._sources.get(source_id)

    def has_ended(self, source_id: str, session_id: str) -> bool:
        """Whether this session is known to be over."""
        source = self._sources.get(source_id)
        if source is None:
            return False
        return source.newest.session_id != session_id or source.ended is not None

    def broken(self) -> list[SessionEvent]:
        """The ends of those sources whose newest session ended as nobody wanted."""
        ends = [source.ended for source in self._sources.values()]
        return [end for end in ends if end is not None and ended_badly(end)]

    def _read(self, event: SessionEvent) -> None:
        known = self._sources.get(event.source_id)
        if known is None:
            self._sources[event.source_id] = Source(event)
        elif known.newest.session_id == event.session_id:
            if event.state is SessionState.ENDED:
                known.newest = event
        elif event.at > known.newest.at:
            self._sources[event.source_id] = Source(event)


def ended_badly(end: SessionEvent) -> bool:
    """Whether a session ended otherwise than its source meant to."""
    if end.kind == PULLED and end.reason.startswith(PULL_ENDED):
        return True
    return end.reason.startswith(BROKEN_ENDS)
