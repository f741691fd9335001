"""The engine around the compact network: weights from the wheel, nine labels, fine steps.

The network runs once over a window. Pooling all of its positions gives the window's posterior;
pooling only the second that ends with a step gives that step's, by the same head.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from math import floor
from typing import Final
from zipfile import BadZipFile

import numpy as np
from threadpoolctl import threadpool_limits

from tonewatch.inference.engines._steps import step_count
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.features import FloatArray
from tonewatch.inference.engines.compact.network import TIME_STRIDE, NumpyNetwork
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import EngineError

STEP_REACH_SECONDS: Final = 1.0
"""A step speaks of the second that ends with it: shorter than that, one hears vowels, not moods."""

LEAST_SAMPLES: Final = 400


class CompactEngine:
    """Scores windows with the weights that ship beside this module.

    `weights` names another file of weights, for developers who train their own.
    """

    name = "compact"

    def __init__(self, weights: Traversable | None = None, steps_per_second: int = 10) -> None:
        self.steps_per_second = steps_per_second
        self.model = "tonewatch-compact"
        self.revision = ""
        self._file = weights or files(__package__) / "weights.npz"
        self._network: NumpyNetwork | None = None
        self._blas: threadpool_limits | None = None
        self._columns: list[int] = []

    def load(self) -> None:
        """Reads and checks the weights.

        Raises:
            EngineError: the weights are missing, damaged or not of this version.
        """
        try:
            content = self._file.read_bytes()
            with np.load(BytesIO(content), allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                arrays = {name: stored[name] for name in stored.files if name != "about"}
            self._columns = [EMOTIONS.index(label) for label in about["classes"]]
            self.model = str(about["model"])
            network = NumpyNetwork(arrays)
            network.pool(network.trunk(np.zeros((2, features.FEATURES), dtype=np.float32)))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise EngineError(
                f"The compact model's weights at {self._file} cannot be used ({error}); "
                "install tonewatch-inference again"
            ) from error
        self.revision = sha256(content).hexdigest()[:12]
        self._network = network
        # The matrices are small: a second BLAS thread costs more than it brings, and where workers
        # share processors its busy waiting slowed all of them by a factor of ten.
        self._blas = threadpool_limits(limits=1, user_api="blas")

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, in order; each is computed by itself, whatever the batch.

        Raises:
            EngineError: the engine is not loaded, or a window is not audio of at least 25 ms.
        """
        if self._network is None:
            raise EngineError("The compact engine was asked for a score before it was loaded")
        return [self._score(self._network, window) for window in windows]

    def close(self) -> None:
        """Releases the weights."""
        self._network = None
        if self._blas is not None:
            self._blas.restore_original_limits()
            self._blas = None

    def _score(self, network: NumpyNetwork, window: Waveform) -> WindowScore:
        if window.ndim != 1 or len(window) < LEAST_SAMPLES:
            raise EngineError(
                f"A window has shape {window.shape}; "
                f"it must be mono with at least {LEAST_SAMPLES} samples"
            )
        hidden = network.trunk(features.normalise(features.analyse(window)))
        whole = network.pool(hidden)
        positions = step_positions(len(window), len(hidden), self.steps_per_second)
        stretches = [hidden[start:end] for start, end in positions]
        steps = np.stack([self._posterior(network.pool(part).logits) for part in stretches])
        return WindowScore(self._posterior(whole.logits), steps, whole.embedding)

    def _posterior(self, logits: FloatArray) -> FloatArray:
        """Probabilities of all nine labels; a label that the model does not know has none."""
        exponentials = np.exp(logits.astype(np.float64) - logits.max())
        posterior = np.zeros(len(EMOTIONS), dtype=np.float32)
        posterior[self._columns] = exponentials / exponentials.sum()
        return posterior


def step_positions(samples: int, positions: int, per_second: int) -> list[tuple[int, int]]:
    """For each step at the window's end, the trunk positions [start, end) that it pools."""
    seconds = samples / features.SAMPLE_RATE_HZ
    steps = step_count(samples, per_second)
    ends = [seconds - (steps - 1 - index) / per_second for index in range(steps)]
    stretches = []
    for end_seconds in ends:
        end = min(positions, max(1, _position(end_seconds)))
        start = min(end - 1, max(0, _position(end_seconds - STEP_REACH_SECONDS)))
        stretches.append((start, end))
    return stretches


def _position(seconds: float) -> int:
    """How many trunk positions have the middle of their frame at or before this time."""
    per_position = features.HOP_SAMPLES * TIME_STRIDE
    middle = seconds * features.SAMPLE_RATE_HZ - features.FRAME_SAMPLES / 2
    return floor(middle / per_position) + 1
