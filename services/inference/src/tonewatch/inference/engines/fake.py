"""An engine without a model, for tests and load measurements.

Its answer is a plain function of the whole window: how loud it is, how often it crosses zero, and a
signature of every sample and its place. So a test can tell from a score which window was heard.
"""

import time
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.shared.emotions import EMOTIONS, Emotion

STEPS: Final = 10
_SECOND: Final = 16_000


class FakeEngine:
    """Deterministic scores: loud is angry, quiet is neutral, hissing is fearful.

    `batch_seconds` is how long a call pretends to compute, whatever the number of windows.
    """

    name = "fake"
    model = "fake"
    revision = "1"
    device = "cpu"

    def __init__(self, batch_seconds: float = 0.0) -> None:
        self._batch_seconds = batch_seconds

    def load(self) -> None:
        """Nothing to load."""

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, from its samples alone."""
        if self._batch_seconds:
            time.sleep(self._batch_seconds)
        return [self._score_one(window) for window in windows]

    def close(self) -> None:
        """Nothing to release."""

    @staticmethod
    def _score_one(window: Waveform) -> WindowScore:
        shift = _signature(window)
        parts = np.array_split(window[-_SECOND:], STEPS)
        steps = np.stack([_posterior(part, shift) for part in parts])
        return WindowScore(_posterior(window, shift), steps)


def _posterior(samples: Waveform, shift: float) -> NDArray[np.float32]:
    rms = float(np.sqrt(np.dot(samples, samples) / len(samples)))
    loudness = min(1.0, rms / 0.2)
    crossings = float(np.count_nonzero(np.diff(np.signbit(samples)))) / len(samples)
    logits = np.zeros(len(EMOTIONS))
    logits[EMOTIONS.index(Emotion.ANGRY)] = 6 * loudness
    logits[EMOTIONS.index(Emotion.NEUTRAL)] = 4 * (1 - loudness)
    logits[EMOTIONS.index(Emotion.FEARFUL)] = 4 * crossings
    logits[EMOTIONS.index(Emotion.SAD)] = shift
    weights = np.exp(logits)
    posterior: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return posterior


def _signature(samples: Waveform) -> float:
    """A number in (-1, 1) that every sample and its distance from the window's end change."""
    return float(np.tanh(np.dot(samples, _ramp(len(samples))) / 50))


@cache
def _ramp(length: int) -> NDArray[np.float32]:
    ramp: NDArray[np.float32] = np.sin(np.arange(length, 0, -1) ** 1.5).astype(np.float32)
    return ramp
