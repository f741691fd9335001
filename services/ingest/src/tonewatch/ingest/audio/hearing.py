"""Listens to the seconds of all tracks that come in together, at once.

The streams are read at the same moments, so their seconds come in bunches; listened to together
they cost little more than half (see `silero`). What is added waits for the next turn of the event
loop, which is as soon as whoever else was woken with it has added its own.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from tonewatch.ingest.audio.framing import Piece, Second, TrackCutter
from tonewatch.ingest.audio.vad import Stretch, voiced_together

TRACKS_AT_ONCE: Final = 16
"""More is not quicker, and the loop is kept for some 10 ms."""


class _Waiting(NamedTuple):
    cutter: TrackCutter
    second: Second
    heard: Callable[[Piece], None]


class Hearing:
    """Shared by all sessions; keeps the order of each track."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def add(self, cutter: TrackCutter, second: Second, heard: Callable[[Piece], None]) -> None:
        """Listen to a second soon; `heard` is called with the piece."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(_Waiting(cutter, second, heard))

    def flush(self) -> None:
        """Listen to all that waits, now."""
        while self._waiting:
            _listen(self._take())

    def _take(self) -> list[_Waiting]:
        """The next second of each track, of so many tracks."""
        now: dict[TrackCutter, _Waiting] = {}
        later = []
        for each in self._waiting:
            if each.cutter in now or len(now) == TRACKS_AT_ONCE:
                later.append(each)
            else:
                now[each.cutter] = each
        self._waiting = later
        return list(now.values())


def _listen(together: list[_Waiting]) -> None:
    stretches = [
        Stretch(each.cutter.detector, each.second.pcm, each.second.final) for each in together
    ]
    for each, answers in zip(together, voiced_together(stretches), strict=True):
        each.heard(each.cutter.piece(each.second, answers))
