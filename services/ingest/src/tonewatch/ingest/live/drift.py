"""How far a source's clock runs away from ours: its audio against the time that passed.

What arrives in the first seconds of a session came in a burst (buffers on the way), so the clock is
compared with where it was after these.
"""

from typing import Final

SETTLES_SECONDS: Final = 10.0


class Drift:
    """The drift of one session. Positive: the source sends more audio than time passes."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._first_ahead: float | None = None
        self.seconds = 0.0

    def heard(self, audio_seconds: float, now: float) -> None:
        """So much audio came in by this moment of the loop's clock."""
        if self._began is None:
            self._began = now
        passed = now - self._began
        if passed < SETTLES_SECONDS:
            return
        ahead = audio_seconds - passed
        if self._first_ahead is None:
            self._first_ahead = ahead
        self.seconds = ahead - self._first_ahead
