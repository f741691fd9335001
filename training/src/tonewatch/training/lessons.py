"""Which vectors teach, what, and how often each is drawn: emotions and corpora balanced."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.labelled import Segment
from tonewatch.shared.emotions import Emotion
from tonewatch.training.corpus import CLASSES
from tonewatch.training.train import Lessons
from tonewatch.training.vectors import Vectors

CORPUS_SHARE: Final[Mapping[str, float]] = {
    "ravdess": 1.5, "nemo": 1.4, "casia": 1.3, "emodb": 1.0, "urdu": 1.0, "tess": 0.8
}  # fmt: skip
"""How often a corpus is drawn: more for many speakers, less for many clips of one voice."""

EMOTION_SHARE: Final = dict.fromkeys(CLASSES, 1.0) | {
    Emotion.NEUTRAL: 1.5,  # most of every call
    Emotion.UNKNOWN: 0.5,
    Emotion.OTHER: 0.5,  # few clips
}

CERTAIN: Final = np.eye(len(CLASSES), dtype=np.float32)
"""Row k: certainly class k."""


def labelled_lessons(clips: Sequence[Segment], speech: Vectors, noise: Vectors) -> Lessons:
    """All vectors of clips under their labels, and all of noise as `unknown`."""
    names = [(clips[owner].emotion, clips[owner].corpus) for owner in speech.owners]
    names += [(Emotion.UNKNOWN, "")] * len(noise.owners)
    answers = CERTAIN[[CLASSES.index(emotion) for emotion, _ in names]]
    return Lessons(np.concatenate([speech.rows, noise.rows]), answers, _shares(names))


def _shares(names: Sequence[tuple[Emotion, str]]) -> NDArray[np.float64]:
    """First an emotion is drawn, then a corpus that has it, then any of its vectors."""
    sizes = Counter(names)
    corpora: Counter[Emotion] = Counter()
    for emotion, corpus in sizes:
        corpora[emotion] += CORPUS_SHARE.get(corpus, 1.0)  # type: ignore[assignment]
    share = {
        (emotion, corpus): EMOTION_SHARE[emotion]
        * CORPUS_SHARE.get(corpus, 1.0)
        / corpora[emotion]
        / size
        for (emotion, corpus), size in sizes.items()
    }
    return np.array([share[name] for name in names])
