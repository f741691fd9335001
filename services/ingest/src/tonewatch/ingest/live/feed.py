"""Changes of sources as they happen, to everybody who watches.

A cursor names the feed's life and the event's number in it. Who comes back with one gets what it
missed; after a restart of ingest, or too long away, it is told to start afresh.
"""

from collections import deque
from itertools import islice
from typing import Final

from tonewatch.ingest.live.status import Status
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.ids import new_id
from tonewatch.shared.sse import RESET, Viewer, encode

HISTORY_EVENTS: Final = 1_000
VIEWER_EVENTS: Final = 1_000


class Feed:
    """Remembers the newest changes, and hands them to all viewers."""

    def __init__(self) -> None:
        self._life = new_id()[-8:]
        self._number = 0
        self._history: deque[bytes] = deque(maxlen=HISTORY_EVENTS)
        self._viewers: set[Viewer] = set()
        self._closed = False

    @property
    def cursor(self) -> str:
        """Where somebody who knows all sources as they are now goes on."""
        return f"{self._life}.{self._number}"

    def publish(self, status: Status) -> None:
        """A source changed its state, or the number of its sessions."""
        self._number += 1
        data = {
            "source_id": status.source_id,
            "state": status.state.value,
            "reason": status.reason,
            "since": iso_utc(status.since),
            "session_id": status.session_id,
            "open_sessions": status.open_sessions,
            "reconnects": status.reconnects,
            "quality": status.quality(),
            "replica": status.replica,
        }
        wire = encode("source", data, self.cursor)
        self._history.append(wire)
        for viewer in self._viewers:
            viewer.offer(wire)

    def watch(self, after: str | None) -> Viewer:
        """A new viewer, who gets first what came after its cursor."""
        viewer = Viewer(VIEWER_EVENTS, self._missed(after))
        self._viewers.add(viewer)
        if self._closed:
            viewer.close()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        self._viewers.discard(viewer)

    def close(self) -> None:
        """End all viewers' streams."""
        self._closed = True
        for viewer in self._viewers:
            viewer.close()

    def _missed(self, after: str | None) -> list[bytes]:
        if after is None:
            return []
        life, _, number = after.partition(".")
        missed = self._number - int(number) if number.isdecimal() and life == self._life else -1
        if not 0 <= missed <= len(self._history):
            return [RESET]
        return list(islice(self._history, len(self._history) - missed, None))
