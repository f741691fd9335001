"""The engine around the ear and the head: weights from the wheel, nine labels, fine steps.

The ear hears a window once. Pooling all of its positions gives the window's posterior; pooling only
the second that ends with a step gives that step's, by the same head. Pauses are not pooled.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import ceil, floor
from typing import Any, Final

import numpy as np

from tonewatch.inference.engines._steps import step_count
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.ear import (
    FRAMES_PER_POSITION,
    LONGEST_SECONDS,
    Ear,
    loud_positions,
    pooling,
    position_count,
    session,
)
from tonewatch.inference.engines.compact.features import FloatArray
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import EngineError

STEP_REACH_SECONDS: Final = 1.0
"""A step speaks of the second that ends with it: shorter than that, one hears vowels, not moods."""

PIECE_SAMPLES: Final = LONGEST_SECONDS * features.SAMPLE_RATE_HZ
"""Longer windows are heard in even pieces."""

LEAST_SAMPLES: Final = 400
EAR_FILE, HEAD_FILE, ABOUT_FILE = "ear.onnx", "head.onnx", "about.json"

_OUTPUTS: Final = ("logits", "embeddings")


class CompactEngine:
    """Scores windows with the weights that ship beside this module.

    `weights` names another folder of weights, as `tonewatch-train` makes them. `report` is told
    once they are loaded what they may be used for.
    """

    name = "compact"

    def __init__(
        self,
        weights: Traversable | None = None,
        steps_per_second: int = 10,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.steps_per_second = steps_per_second
        self.model = "tonewatch-compact"
        self.revision = ""
        self.about: Mapping[str, Any] = {}
        self._report = report
        self._folder = weights or files(__package__) / "weights"
        self._ear: Ear | None = None
        self._head: Any = None

    def load(self) -> None:
        """Reads and checks the weights.

        Raises:
            EngineError: the weights are missing, damaged or not of this version.
        """
        try:
            ear, head = ((self._folder / name).read_bytes() for name in (EAR_FILE, HEAD_FILE))
            about = json.loads((self._folder / ABOUT_FILE).read_text(encoding="utf-8"))
            _check_labels(about)
            self.model = str(about["model"])
            self._ear, self._head = Ear(ear), session(head)
            self._hear(np.zeros(LEAST_SAMPLES, dtype=np.float32), [])
        except Exception as error:  # ONNX Runtime raises many kinds of its own
            self._ear = None
            raise EngineError(
                f"The compact model's weights in {self._folder} cannot be used ({error}); name a"
                " folder that tonewatch-train made, or install tonewatch-inference again"
            ) from error
        self.about = about
        self.revision = sha256(ear + head).hexdigest()[:12]
        if self._report and (notice := about.get("notice")):
            self._report(str(notice))

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, in order; each is computed by itself, whatever the batch.

        Raises:
            EngineError: the engine is not loaded, or a window is not audio of at least 25 ms.
        """
        if self._ear is None:
            raise EngineError("The compact engine was asked for a score before it was loaded")
        return [self._score(window) for window in windows]

    def close(self) -> None:
        """Releases the weights."""
        self._ear = self._head = None

    def _score(self, window: Waveform) -> WindowScore:
        if window.ndim != 1 or len(window) < LEAST_SAMPLES:
            raise EngineError(
                f"A window has shape {window.shape}; "
                f"it must be mono with at least {LEAST_SAMPLES} samples"
            )
        *earlier, last = np.array_split(window, ceil(len(window) / PIECE_SAMPLES))
        heard = [self._hear(piece, []) for piece in earlier]
        stretches = step_positions(len(last), self.steps_per_second)
        posteriors, embeddings = self._hear(last, stretches)
        whole = np.mean([posteriors[0], *(rows[0] for rows, _ in heard)], axis=0)
        embedding = np.mean([embeddings[0], *(rows[0] for _, rows in heard)], axis=0)
        return WindowScore(whole, posteriors[1:], embedding)

    def _hear(
        self, piece: Waveform, stretches: Sequence[tuple[int, int]]
    ) -> tuple[FloatArray, FloatArray]:
        """Posteriors and embeddings of the whole piece, then of each stretch of positions."""
        assert self._ear is not None  # noqa: S101 - load and score check
        frames = features.analyse(piece)
        weights = pooling(loud_positions(frames), [(0, position_count(len(piece))), *stretches])
        inputs = {"heard": self._ear.hear(frames), "weights": weights}
        logits, embeddings = self._head.run(_OUTPUTS, inputs)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True), embeddings


def step_positions(samples: int, per_second: int) -> list[tuple[int, int]]:
    """For each step at the window's end, the encoder positions [start, end) that it pools."""
    seconds = samples / features.SAMPLE_RATE_HZ
    positions = position_count(samples)
    steps = step_count(samples, per_second)
    ends = [seconds - (steps - 1 - index) / per_second for index in range(steps)]
    stretches = []
    for number, end_seconds in enumerate(ends, start=1):
        end = positions if number == steps else min(positions, max(1, _position(end_seconds)))
        start = min(end - 1, max(0, _position(end_seconds - STEP_REACH_SECONDS)))
        stretches.append((start, end))
    return stretches


def _position(seconds: float) -> int:
    """How many positions have the middle of their frame at or before this time."""
    per_position = features.HOP_SAMPLES * FRAMES_PER_POSITION
    middle = seconds * features.SAMPLE_RATE_HZ - features.FRAME_SAMPLES / 2
    return floor(middle / per_position) + 1


def _check_labels(about: Mapping[str, Any]) -> None:
    if (labels := about["labels"]) != list(EMOTIONS):
        raise ValueError(f"its labels are {labels}")
