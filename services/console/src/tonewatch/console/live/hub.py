"""One reader, many viewers: what was read lately, and bounded queues to all who watch.

A cursor names the hub's life, the event's number in it and the broker's time. A viewer that comes
back to the same hub gets exactly what it missed; after a restart of the console it gets everything
since that time, with some overlap, for events are idempotent (keyed by session, speaker and seq, or
by alert and state). A viewer too slow for its queue, or away for too long, is told to start afresh.
"""

from collections import deque
from itertools import islice
from typing import Any, Final

from tonewatch.console.live.board import Board
from tonewatch.console.live.events import ALL, LiveEvent, Wish, name_of, public_data
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.ids import new_id
from tonewatch.shared.messages import Message
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.sse import RESET, Viewer, encode

HISTORY_EVENTS: Final = 50_000
OVERLAP_MS: Final = 5_000
"""Partitions are read one after the other, so times of events are not strictly in order."""


class Hub:
    """Takes in messages, remembers the last of them, and hands them to all viewers."""

    def __init__(self, metrics: Metrics, *, viewer_queue: int) -> None:
        self.board = Board()
        self._metrics = metrics
        self._viewer_queue = viewer_queue
        self._life = new_id()[-8:]
        self._number = 0
        self._newest_ms = 0
        self._history: deque[LiveEvent] = deque(maxlen=HISTORY_EVENTS)
        self._viewers: dict[Viewer, Wish] = {}
        self._away: dict[str, str] = {}
        self._away_since: str | None = None
        self._closed = False
        self._metrics.set("live_viewers", 0)

    @property
    def cursor(self) -> str:
        """Where a viewer that knows the board as it is now goes on."""
        return f"{self._life}.{self._number}.{self._newest_ms}"

    def publish(self, message: Message, published_ms: int) -> None:
        """Tell everybody of a message."""
        self.board.apply(message, published_ms)
        self._number += 1
        self._newest_ms = max(self._newest_ms, published_ms)
        name = name_of(message)
        wire = encode(name, public_data(message), self.cursor)
        event = LiveEvent(self._number, published_ms, name, wire, message.labels)
        self._history.append(event)
        for viewer, wish in self._viewers.items():
            if wish.wants(event):
                viewer.offer(wire)

    def broker_away(self, reader: str, reason: str) -> None:
        """A reader cannot reach the broker: what viewers see grows old."""
        self._away[reader] = reason
        if self._away_since is None:
            self._away_since = iso_utc(utc_now())
            self._tell_status()

    def broker_answers(self, reader: str) -> None:
        """A reader reached the broker."""
        if self._away.pop(reader, None) is not None and not self._away:
            self._away_since = None
            self._tell_status()

    def status_data(self) -> dict[str, Any]:
        """Whether the live data is fresh; `stale_since` is None if so."""
        return {
            "now": iso_utc(utc_now()),
            "stale_since": self._away_since,
            "reason": next(iter(self._away.values()), None),
        }

    def status(self) -> bytes:
        """The heartbeat: a comment, and an event that scripts can see."""
        return b": heartbeat\n" + encode("status", self.status_data())

    def watch(self, after: str | None, wish: Wish = ALL) -> Viewer:
        """A new viewer of what it may see, who gets first what came after its cursor."""
        viewer = Viewer(self._viewer_queue, [self.status(), *self._missed(after, wish)])
        self._viewers[viewer] = wish
        if self._closed:
            viewer.close()
        self._metrics.set("live_viewers", len(self._viewers))
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        self._viewers.pop(viewer, None)
        self._metrics.set("live_viewers", len(self._viewers))

    def close(self) -> None:
        """End all viewers' streams; their browsers will come back to the next console."""
        self._closed = True
        for viewer in self._viewers:
            viewer.close()

    def _tell_status(self) -> None:
        for viewer in self._viewers:
            viewer.offer(self.status())

    def _missed(self, after: str | None, wish: Wish) -> list[bytes]:
        if not after:
            return []
        life, _, rest = after.partition(".")
        number, _, newest_ms = rest.partition(".")
        if not (number.isdecimal() and newest_ms.isdecimal()):
            return [RESET]
        if life == self._life:
            missed = self._number - int(number)
            if not 0 <= missed <= len(self._history):
                return [RESET]
            newest = islice(reversed(self._history), missed)
            return [event.wire for event in newest if wish.wants(event)][::-1]
        since_ms = int(newest_ms) - OVERLAP_MS
        if not self._history or self._history[0].published_ms > since_ms:
            return [RESET]
        later = (event for event in self._history if event.published_ms >= since_ms)
        return [event.wire for event in later if wish.wants(event)]
