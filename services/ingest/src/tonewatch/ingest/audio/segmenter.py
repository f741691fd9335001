"""Utterances: stretches of speech between pauses, found chunk by chunk while audio comes in."""

from typing import Final

from tonewatch.shared.messages import UtteranceMark

CHUNK_MS: Final = 20
PAUSE_CHUNKS: Final = 500 // CHUNK_MS
"""A pause of this length ends an utterance."""
LEAST_CHUNKS: Final = 300 // CHUNK_MS
"""Less voice than this is a click or a breath, not an utterance."""
MOST_CHUNKS: Final = 30_000 // CHUNK_MS
"""A speaker who never pauses is cut here, so that an utterance stays scorable."""


class Segmenter:
    """Turns voiced/unvoiced chunks of 20 ms into utterance marks.

    An utterance is known once it holds 0.3 s of voice and its end is known only after the pause, so
    a mark may begin, and even end, before the frame that reports it.
    """

    def __init__(self) -> None:
        self._position = 0
        self._start: int | None = None
        self._voiced = 0
        self._last_voiced = 0
        self._number = 0
        self._closed: list[UtteranceMark] = []

    def push(self, *, voiced: bool) -> None:
        """Take the next chunk."""
        self._position += 1
        if voiced:
            if self._start is None:
                self._start, self._voiced = self._position - 1, 0
            self._voiced += 1
            self._last_voiced = self._position
        if self._start is None:
            return
        paused = self._position - self._last_voiced >= PAUSE_CHUNKS
        if paused or self._position - self._start >= MOST_CHUNKS:
            self.close()

    def close(self) -> None:
        """End the utterance that goes on, if there is one."""
        if self._is_known():
            self._closed.append(self._mark(end_ms=self._last_voiced * CHUNK_MS))
            self._number += 1
        self._start, self._voiced = None, 0

    def take_marks(self) -> tuple[UtteranceMark, ...]:
        """What ended since the last call, and the utterance that goes on."""
        marks = list(self._closed)
        self._closed.clear()
        if self._is_known():
            marks.append(self._mark(end_ms=None))
        return tuple(marks)

    def _is_known(self) -> bool:
        return self._start is not None and self._voiced >= LEAST_CHUNKS

    def _mark(self, end_ms: int | None) -> UtteranceMark:
        start_ms = (self._start or 0) * CHUNK_MS
        return UtteranceMark(number=self._number, start_ms=start_ms, end_ms=end_ms)
