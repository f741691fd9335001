"""An engine without a model, for tests and load measurements.

Its answer is a plain function of the whole window: how loud it is, how often it crosses zero, and a
signature of every sample and its place. So a test can tell from a score which window was heard.
"""

import time
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines._steps import REACH_SECONDS, step_count
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.messages import SAMPLE_RATE_HZ


class FakeEngine:
    """Deterministic scores: loud is angry, quiet is neutral, hissing is fearful.

    `batch_seconds` is how long a call pretends to compute, whatever the number of windows.
    """

    name = "fake"
    model = "fake"
    revision = "1"
    device = "cpu"

    def __init__(self, batch_seconds: float = 0.0, steps_per_second: int = 10) -> None:
        self._batch_seconds = batch_seconds
        self._steps_per_second = steps_per_second

    def load(self) -> None:
        """Nothing to load."""

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, from its samples alone."""
        if self._batch_seconds:
            time.sleep(self._batch_seconds)
        return [self._score_one(window) for window in windows]

    def close(self) -> None:
        """Nothing to release."""

    def _score_one(self, window: Waveform) -> WindowScore:
        steps = step_count(len(window), self._steps_per_second)
        heard = window[-min(len(window), int(REACH_SECONDS * SAMPLE_RATE_HZ)) :]
        edges = np.linspace(0, len(heard), steps + 1).astype(int)
        crossed = np.signbit(heard[1:]) != np.signbit(heard[:-1])
        lengths = np.append(np.diff(edges), len(window))
        energies = np.append(np.add.reduceat(heard * heard, edges[:-1]), window.dot(window))
        crossings = np.append(
            np.add.reduceat(crossed, edges[:-1], dtype=np.int64) / lengths[:-1], 0
        )
        crossings[-1] = crossings[:-1].mean()
        rows = _posteriors(np.sqrt(energies / lengths), crossings, _signature(window))
        return WindowScore(rows[-1], rows[:-1])


def _posteriors(
    rms: NDArray[np.float64], crossings: NDArray[np.float64], shift: float
) -> NDArray[np.float32]:
    """One row per stretch, from its level and its zero crossings per sample."""
    loudness = np.minimum(1.0, rms / 0.2)
    logits = np.zeros((len(rms), len(EMOTIONS)))
    logits[:, EMOTIONS.index(Emotion.ANGRY)] = 6 * loudness
    logits[:, EMOTIONS.index(Emotion.NEUTRAL)] = 4 * (1 - loudness)
    logits[:, EMOTIONS.index(Emotion.FEARFUL)] = 4 * crossings
    logits[:, EMOTIONS.index(Emotion.SAD)] = shift
    weights = np.exp(logits)
    posteriors: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return posteriors


def _signature(samples: Waveform) -> float:
    """A number in (-1, 1) that every sample and its distance from the window's end change."""
    return float(np.tanh(np.dot(samples, _ramp(len(samples))) / 50))


@cache
def _ramp(length: int) -> NDArray[np.float32]:
    ramp: NDArray[np.float32] = np.sin(np.arange(length, 0, -1) ** 1.5).astype(np.float32)
    return ramp
