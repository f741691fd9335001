"""The protocol that every emotion model follows, and what it answers.

An engine is loaded, called and closed from one worker thread; it needs no locks and may block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]
"""Mono, 16 kHz, in [-1, 1], shape (samples,)."""


@dataclass(frozen=True, slots=True)
class WindowScore:
    """The model's answer for one window.

    `probabilities` has shape (9,) and sums to 1, in the order of `EMOTIONS`. `steps` has shape
    (steps, 9): the posterior at finer steps over the last three seconds of the window (or all of
    it), oldest first, each row sums to 1. `embedding` is the mean feature of the window, shape
    (dimension,), where the model has one.
    """

    probabilities: NDArray[np.float32]
    steps: NDArray[np.float32]
    embedding: NDArray[np.float32] | None = None


class Engine(Protocol):
    """An emotion model."""

    name: str
    model: str
    revision: str

    def load(self) -> None:
        """Make the engine ready; blocking, may take minutes.

        Raises:
            EngineError: with one readable sentence on what is wrong and what to do.
        """

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, in order; they may differ in length (400 to 480,000 samples)."""

    def close(self) -> None:
        """Release memory."""
