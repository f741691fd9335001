"""An engine that says what a test wants, posteriors to say, and segments that were heard."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.hearing import Heard
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.report import About
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.shared.emotions import EMOTIONS, Emotion

ABOUT = About(engine="stub", model="stub", revision="", data="x.csv", seed=1, window_seconds=3.0)

Posterior = NDArray[np.float32]


def saying(*emotions: Emotion, sure: float = 0.92) -> Posterior:
    """One row per emotion, which has that probability; the others share the rest."""
    rows = np.full((len(emotions), len(EMOTIONS)), (1 - sure) / 8, dtype=np.float32)
    for row, emotion in zip(rows, emotions, strict=True):
        row[EMOTIONS.index(emotion)] = sure
    return rows


def heard(truth: Emotion, said: Emotion, corpus: str = "", **known: str) -> Heard:
    """A segment of one window; `known` are its speaker, language and gender."""
    row = saying(said)
    segment = Segment(
        path=Path("x.wav"),
        emotion=truth,
        corpus=corpus,
        speaker=known.get("speaker", ""),
        language=known.get("language", ""),
        gender=known.get("gender", ""),
    )
    return Heard(segment, row[0], row)


class StubEngine:
    """Answers each window by a function of its samples, and remembers what it was asked."""

    name, model, revision = "stub", "stub-model", "7"

    def __init__(self, answer: Callable[[Waveform], Emotion]) -> None:
        self._answer = answer
        self.lengths: list[int] = []
        self.most_at_once = 0

    def load(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to release."""

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        self.lengths += [len(window) for window in windows]
        self.most_at_once = max(self.most_at_once, len(windows))
        rows = [saying(self._answer(window)) for window in windows]
        return [WindowScore(row[0], row) for row in rows]
