"""Engines that fail, stall and remember, for tests of what surrounds an engine."""

import threading
from collections.abc import Sequence

import numpy as np

from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.inference.engines.fake import FakeEngine

POISON = 0.75
"""A window whose first sample has this value makes `PickyEngine` fail."""


class PickyEngine(FakeEngine):
    """Fails on every call that contains a poisonous window; remembers the sizes of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """Fail as a model does: with an exception of its own."""
        self.calls.append(len(windows))
        if any(window[0] == POISON for window in windows):
            raise RuntimeError("CUDA error: device-side assert triggered")
        return super().score(windows)


class HeldEngine(FakeEngine):
    """Computes only while `released` is set; `entered` tells that a call waits."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """Wait, at most half a minute."""
        self.entered.set()
        if not self.released.wait(30):
            raise TimeoutError("nobody released the engine")
        return super().score(windows)


class WrongEngine(FakeEngine):
    """Answers what is no answer."""

    def __init__(self, probabilities: Sequence[float], count: int | None = None) -> None:
        super().__init__()
        self._probabilities = np.array(probabilities, dtype=np.float32)
        self._count = count

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """The same for every window, and perhaps too many or too few."""
        answer = WindowScore(self._probabilities, self._probabilities[np.newaxis, :])
        return [answer] * (len(windows) if self._count is None else self._count)
