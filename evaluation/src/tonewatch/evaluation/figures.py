"""The figures of a group of segments: how often each emotion is recognised in whole utterances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from tonewatch.evaluation.abnormal import FALSE_ALARM_RATE, Abnormal, abnormal
from tonewatch.evaluation.intervals import Floats, Interval, generator, interval
from tonewatch.shared.emotions import EMOTIONS, Emotion

RESAMPLES: Final = 1000

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group of segments gave."""

    segments: int
    speakers: int
    unweighted_recall: Interval
    """Mean recall of the emotions that the group has; any of the nine labels may be answered."""
    unweighted_recall_own_labels: Interval
    """The same if only labels that the segment's corpus has may be answered: the most probable of
    these. It flatters, since nobody tells a call which emotions it has."""
    accuracy: Interval
    recall: dict[str, Interval]
    f1: dict[str, Interval]
    confusion: list[list[int]]  # rows: what is right, columns: what was said; all nine labels
    abnormal: Abnormal | None


def figures(
    truths: Sequence[Emotion],
    utterances: NDArray[np.float32],
    windows: Sequence[NDArray[np.float32]],
    *,
    own_labels: NDArray[np.bool_],
    speakers: int,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Figures:
    """Figures of segments: posteriors of the utterances (segments, 9) and of the windows of each.

    `own_labels` (segments, 9) says which labels the corpus of a segment has.
    """
    truth = np.array([EMOTIONS.index(emotion) for emotion in truths])
    counts = _confusion(truth, utterances.argmax(axis=1))
    own = _confusion(truth, np.where(own_labels, utterances, -1).argmax(axis=1))
    present = np.flatnonzero(counts.sum(axis=1))
    drawn = _resampled(counts)
    recalls, recalls_drawn = _recalls(counts)[present], _recalls(drawn)[:, present]
    f1, f1_drawn = _f1(counts)[present], _f1(drawn)[:, present]
    names = [EMOTIONS[label].value for label in present]
    return Figures(
        segments=len(truth),
        speakers=speakers,
        unweighted_recall=interval(recalls.mean(), recalls_drawn.mean(axis=1)),
        unweighted_recall_own_labels=interval(
            _recalls(own)[present].mean(), _recalls(_resampled(own))[:, present].mean(axis=1)
        ),
        accuracy=interval(_accuracy(counts).item(), _accuracy(drawn)),
        recall=dict(zip(names, map(interval, recalls, recalls_drawn.T), strict=True)),
        f1=dict(zip(names, map(interval, f1, f1_drawn.T), strict=True)),
        confusion=counts.tolist(),
        abnormal=abnormal(truths, windows, false_alarm_rate),
    )


def _confusion(truth: Counts, said: Counts) -> Counts:
    found: Counts = confusion_matrix(truth, said, labels=range(len(EMOTIONS)))
    return found


def _resampled(counts: Counts) -> Counts:
    """Confusion matrices of other draws, (resamples, 9, 9).

    Segments are drawn within each true class, so that none can be empty; to draw n of n segments
    and count what was said of them is to draw from a multinomial distribution.
    """
    sizes = counts.sum(axis=1)
    shares = counts / np.maximum(sizes, 1)[:, np.newaxis]
    shares[sizes == 0, 0] = 1.0  # a distribution, of which nothing is drawn
    return generator().multinomial(sizes, shares, size=(RESAMPLES, len(EMOTIONS)))


def _recalls(counts: Counts) -> Floats:
    """Recall of each class, (..., 9); 0 of classes that do not occur."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.asarray(right / np.maximum(counts.sum(axis=-1), 1))


def _f1(counts: Counts) -> Floats:
    """Harmonic mean of recall and precision of each class, (..., 9)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.asarray(2 * right / np.maximum(counts.sum(axis=-1) + counts.sum(axis=-2), 1))


def _accuracy(counts: Counts) -> Floats:
    right = np.trace(counts, axis1=-2, axis2=-1)
    return np.asarray(right / counts.sum(axis=(-2, -1)))
