"""How well what is abnormal (angry, disgusted, fearful, sad) is told from the rest, per window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.intervals import Floats, Interval, generator, interval
from tonewatch.evaluation.labels import ABNORMAL
from tonewatch.shared.emotions import EMOTIONS, Emotion

RECALL_WANTED: Final = 0.927
"""At this recall of abnormal windows the false alarms are counted."""

FALSE_ALARM_RATE: Final = 0.05
"""At this share of false alarms the recall is given, unless another is asked for."""

BINS: Final = 10
RESAMPLES: Final = 300
_POINTS: Final = 100
_SLACK: Final = 1e-12  # shares that are equal but for their rounding are equal
_ABNORMAL: Final = [EMOTIONS.index(emotion) for emotion in ABNORMAL]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Abnormal:
    """Figures of the summed probability of the abnormal emotions."""

    windows: int
    abnormal_windows: int
    auc: Interval
    false_alarms: Interval
    """Share of the other windows at the threshold that finds 92.7 % of the abnormal ones."""
    threshold: float
    """That threshold: an alarm is a probability of this much or more."""
    false_alarm_rate: float
    recall: Interval
    """Share of the abnormal windows that is found with at most that share of false alarms."""
    recall_threshold: float
    calibration_error: float
    roc: list[tuple[float, float]]  # false alarms, recall
    calibration: list[tuple[float, float, int]]  # stated, found, windows


def abnormal(
    truths: Sequence[Emotion],
    windows: Sequence[NDArray[np.float32]],
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Abnormal | None:
    """Figures of the windows (windows, 9) of each segment; None if one side is missing."""
    owners = np.repeat(np.arange(len(windows)), [len(each) for each in windows])
    of_segment = np.array([emotion in ABNORMAL for emotion in truths], dtype=bool)
    is_abnormal = of_segment[owners]
    if is_abnormal.all() or not is_abnormal.any():
        return None
    stated = stated_abnormal(np.concatenate(windows))
    ranking = _Ranking(stated, is_abnormal)
    curve = ranking.curve(np.ones(len(stated)))
    drawn = [
        ranking.curve(weights[owners]).figures(false_alarm_rate) for weights in _draws(of_segment)
    ]
    auc, false_alarms, recall = map(interval, curve.figures(false_alarm_rate), np.transpose(drawn))
    calibration = _calibration(is_abnormal, stated)
    return Abnormal(
        windows=len(stated),
        abnormal_windows=int(is_abnormal.sum()),
        auc=auc,
        false_alarms=false_alarms,
        threshold=ranking.thresholds[curve.reaching(RECALL_WANTED)].item(),
        false_alarm_rate=false_alarm_rate,
        recall=recall,
        recall_threshold=ranking.thresholds[curve.within(false_alarm_rate)].item(),
        calibration_error=calibration_error(is_abnormal, stated),
        roc=curve.points(),
        calibration=calibration,
    )


@dataclass(frozen=True, slots=True)
class _Curve:
    """A ROC curve, from (0, 0) to (1, 1); both of shape (thresholds,)."""

    false_alarms: Floats
    recall: Floats

    def reaching(self, recall: float) -> int:
        """The place of the highest threshold that finds that share."""
        return int(np.searchsorted(self.recall, recall - _SLACK))

    def within(self, false_alarm_rate: float) -> int:
        """The place of the lowest threshold with no more false alarms than that."""
        return int(np.searchsorted(self.false_alarms, false_alarm_rate + _SLACK, "right")) - 1

    def figures(self, false_alarm_rate: float) -> tuple[float, float, float]:
        """Area, false alarms at the recall that is wanted, recall at that false-alarm rate."""
        return (
            float(np.trapezoid(self.recall, self.false_alarms)),
            float(self.false_alarms[self.reaching(RECALL_WANTED)]),
            float(self.recall[self.within(false_alarm_rate)]),
        )

    def points(self) -> list[tuple[float, float]]:
        """At most so many points as a picture can show."""
        count = len(self.recall)
        chosen = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).astype(int))
        return [(float(self.false_alarms[each]), float(self.recall[each])) for each in chosen]


class _Ranking:
    """Windows from the most to the least alarming; sorted once, then weighted many times."""

    def __init__(self, stated: Floats, is_abnormal: Flags) -> None:
        self._order = np.argsort(-stated, kind="stable")
        self._is_abnormal = is_abnormal[self._order]
        ordered = stated[self._order]
        # windows of one probability pass a threshold together
        self._last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        # one above the highest stands for no alarm at all
        self.thresholds: Floats = np.append(max(1.0, ordered[0]), ordered[self._last]).clip(0, 1)

    def curve(self, weights: Floats) -> _Curve:
        """The curve if each window counted so often, (windows,)."""
        weights = weights[self._order]
        return _Curve(
            self._shares(weights * ~self._is_abnormal), self._shares(weights * self._is_abnormal)
        )

    def _shares(self, weights: Floats) -> Floats:
        summed = np.append(0.0, np.cumsum(weights)[self._last])
        return np.asarray(summed / summed[-1])


def _draws(of_segment: Flags) -> list[Floats]:
    """How often each segment is drawn, (segments,); windows of one segment are no new evidence.

    Abnormal segments and the others are drawn apart, so that neither side can be empty.
    """
    chance = generator()
    drawn = np.zeros((RESAMPLES, len(of_segment)))
    for side in (of_segment, ~of_segment):
        count = int(side.sum())
        drawn[:, side] = chance.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return list(drawn)


def stated_abnormal(posteriors: NDArray[np.float32]) -> Floats:
    """How probable posteriors (windows, 9) say that an abnormal emotion is, (windows,)."""
    return np.asarray(posteriors[:, _ABNORMAL].sum(axis=1), dtype=np.float64)


def calibration_error(is_abnormal: Flags, stated: Floats) -> float:
    """The mean gap between what is stated and how often it is so (Naeini et al. 2015)."""
    gaps = [abs(said - found) * count for said, found, count in _calibration(is_abnormal, stated)]
    return float(sum(gaps) / len(stated))


def _calibration(is_abnormal: Flags, stated: Floats) -> list[tuple[float, float, int]]:
    bins = np.minimum((stated * BINS).astype(int), BINS - 1)
    return [
        (
            float(stated[bins == number].mean()),
            float(is_abnormal[bins == number].mean()),
            int((bins == number).sum()),
        )
        for number in sorted(set(bins.tolist()))
    ]
