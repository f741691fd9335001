"""How far a source's clock runs away from ours: its audio against the time that passed.

What arrives in the first seconds of a session came in a burst (buffers on the way), so the clock is
compared with where it was after these.
"""

from typing import Final, Protocol

SETTLES_SECONDS: Final = 10.0


class AnyDrift(Protocol):
    """How far a source is away, however that is known."""

    @property
    def seconds(self) -> float:
        """Positive: the source sends more audio than time passes."""
        ...


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


class Drifts:
    """The drifts of a source's calls; the source's own is the worst of those that are open.

    After the last call that call's drift stays, as the drift of a session stays until the next one.
    """

    def __init__(self) -> None:
        self._open: dict[object, Drift] = {}
        self._last = 0.0

    @property
    def seconds(self) -> float:
        """The drift that is farthest from none."""
        if not self._open:
            return self._last
        return max((each.seconds for each in self._open.values()), key=abs)

    def heard(self, call: object, audio_seconds: float, now: float) -> None:
        """So much audio of a call came in by this moment of the loop's clock."""
        self._open.setdefault(call, Drift()).heard(audio_seconds, now)

    def ended(self, call: object) -> None:
        """A call is over."""
        if (drift := self._open.pop(call, None)) is not None:
            self._last = drift.seconds
