"""How many windows go into one engine call."""

from typing import Final

_WEIGHT: Final = 0.3
"""Of the newest measurement; the first call after a load is slow and must be forgotten soon."""


class BatchSize:
    """As many as fit into `seconds` by what was measured, at most `largest`.

    On a CPU a batch of 32 takes 32 times as long as one window and every window waits for the last
    of them; on a GPU it hardly takes longer than one.
    """

    def __init__(self, largest: int, seconds: float) -> None:
        self._largest = largest
        self._seconds = seconds
        self._per_window: float | None = None

    @property
    def limit(self) -> int:
        """Windows for the next call; at least one."""
        if not self._per_window:
            return self._largest
        return max(1, min(self._largest, int(self._seconds / self._per_window)))

    def measured(self, windows: int, seconds: float) -> None:
        """Learn from a call."""
        now = seconds / windows
        before = now if self._per_window is None else self._per_window
        self._per_window = _WEIGHT * now + (1 - _WEIGHT) * before
