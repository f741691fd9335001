"""Puts the packets of several tracks on one time axis, so that the tracks stay in step.

Nothing is held back: a packet leaves at once, after silence for what is missing before it. A track
that falls far behind the others is filled up with silence too; what then comes of it too late is
left out and counted. The clock in the packets jitters, so small differences count as none.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tonewatch.shared.errors import InvalidInputError

SAMPLE_BYTES: Final = 2
JITTER_MS: Final = 60
MOST_LAG_MS: Final = 2000
MOST_JUMP_MS: Final = 60_000
"""A stream that stops for so long is dead before; silence for more would be an attack on memory."""


class Timeline:
    """The time axis of one call; positions are counted in samples from its first packet."""

    def __init__(self, rate_hz: int, tracks: Sequence[int]) -> None:
        self._per_ms = rate_hz // 1000
        self._ends = dict.fromkeys(tracks, 0)
        self._first_ms: int | None = None
        self._late_samples = 0

    @property
    def late_ms(self) -> int:
        """Audio that was left out because its place was filled when it came."""
        return self._late_samples // self._per_ms

    def place(self, track: int, at_ms: int, pcm: bytes) -> Iterator[tuple[int, bytes]]:
        """What to append to which track now that this packet, of that time, has come.

        Raises:
            InvalidInputError: its time is impossibly far ahead.
        """
        if self._first_ms is None:
            self._first_ms = at_ms
        lead = (at_ms - self._first_ms) * self._per_ms - self._ends[track]
        if lead > MOST_JUMP_MS * self._per_ms:
            seconds = lead // self._per_ms // 1000
            raise InvalidInputError(f"the media timestamp jumps {seconds} s ahead")
        if lead > JITTER_MS * self._per_ms:
            yield self._append(track, bytes(lead * SAMPLE_BYTES))
        elif lead < -JITTER_MS * self._per_ms:
            late = min(-lead, len(pcm) // SAMPLE_BYTES)
            self._late_samples += late
            pcm = pcm[late * SAMPLE_BYTES :]
        if pcm:
            yield self._append(track, pcm)
        least = self._ends[track] - MOST_LAG_MS * self._per_ms
        for other, end in self._ends.items():
            if end < least:
                yield self._append(other, bytes((least - end) * SAMPLE_BYTES))

    def _append(self, track: int, pcm: bytes) -> tuple[int, bytes]:
        self._ends[track] += len(pcm) // SAMPLE_BYTES
        return track, pcm
