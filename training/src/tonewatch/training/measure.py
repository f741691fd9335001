"""Measures weights on the held-out speakers with the code that runs in live operation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.network import NumpyNetwork
from tonewatch.shared.emotions import Emotion
from tonewatch.training.corpus import CLASSES, Clip
from tonewatch.training.prepare import Prepared, unpack

ALERT_THRESHOLD = 0.75
"""The default rule fires on angry above this."""

ALARMING = (Emotion.ANGRY, Emotion.FEARFUL, Emotion.DISGUSTED, Emotion.SAD)
"""What a supervisor calls abnormal: the emotions that alerts are set on."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one set of windows gave."""

    windows: int
    accuracy: float
    unweighted: float  # mean recall over the emotions present: frequent ones count no more
    recall: dict[str, float]
    angry_confidence: float  # mean probability of angry where angry is right
    angry_alerts: float  # share of angry windows above the alert threshold
    false_alerts: float  # share of other windows whose angry is above the alert threshold
    abnormal_auc: float  # chance that a random pair is ranked right by summed abnormal probability
    abnormal_confidence: float  # mean summed abnormal probability where an abnormal one is right
    calibration_error: float  # mean gap between stated confidence and accuracy, in ten bins


def measure(
    network: NumpyNetwork,
    clips: Sequence[Clip],
    speech: Sequence[Prepared],
    seconds: float,
    version: int = 0,
) -> dict[str, Figures]:
    """Figures per corpus and pooled as `all`; windows of `seconds` from the middle of each clip.

    `version` chooses the recording itself (0) or one of its augmented versions.
    """
    posteriors: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    truths: dict[str, list[Emotion]] = defaultdict(list)
    for clip, sound in zip(clips, speech, strict=True):
        posterior = score(network, sound, seconds, version)
        for name in (clip.corpus, "all"):
            posteriors[name].append(posterior)
            truths[name].append(clip.emotion)
    return {name: figures(np.stack(posteriors[name]), truths[name]) for name in posteriors}


def score(
    network: NumpyNetwork, sound: Prepared, seconds: float, version: int = 0
) -> NDArray[np.float32]:
    """The posterior over `CLASSES` of the window in the middle of the sound."""
    frames = sound.versions[version]
    length = min(features.frame_count(int(seconds * features.SAMPLE_RATE_HZ)), len(frames))
    start = (len(frames) - length) // 2
    window = features.normalise(unpack(frames[start : start + length]))
    logits = network.pool(network.trunk(window)).logits
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float32)


def figures(posteriors: NDArray[np.float32], truths: Sequence[Emotion]) -> Figures:
    """Figures of posteriors (windows, classes) against what was acted."""
    truth = np.array([CLASSES.index(emotion) for emotion in truths])
    hits = posteriors.argmax(axis=1) == truth
    present = sorted(set(truth.tolist()))
    recall = {str(CLASSES[c]): float(hits[truth == c].mean()) for c in present}
    angry = posteriors[:, CLASSES.index(Emotion.ANGRY)]
    is_angry = truth == CLASSES.index(Emotion.ANGRY)
    abnormal = posteriors[:, [CLASSES.index(e) for e in ALARMING]].sum(axis=1)
    is_abnormal = np.isin(truth, [CLASSES.index(e) for e in ALARMING])
    return Figures(
        windows=len(truth),
        accuracy=float(hits.mean()),
        unweighted=float(np.mean(list(recall.values()))),
        recall=recall,
        angry_confidence=_mean(angry[is_angry]),
        angry_alerts=_mean(angry[is_angry] > ALERT_THRESHOLD),
        false_alerts=_mean(angry[~is_angry] > ALERT_THRESHOLD),
        abnormal_auc=_auc(abnormal[is_abnormal], abnormal[~is_abnormal]),
        abnormal_confidence=_mean(abnormal[is_abnormal]),
        calibration_error=_calibration_error(posteriors.max(axis=1), hits),
    )


def table(results: dict[str, Figures]) -> Iterable[str]:
    """The figures as lines of a Markdown table."""
    yield (
        "| corpus | windows | UA | accuracy | angry: mean p | angry > 0.75 "
        "| false > 0.75 | abnormal AUC | abnormal: mean p | ECE |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name in sorted(results, key=lambda name: (name == "all", name)):
        f = results[name]
        yield (
            f"| {name} | {f.windows} | {f.unweighted:.1%} | {f.accuracy:.1%} "
            f"| {f.angry_confidence:.2f} "
            f"| {f.angry_alerts:.1%} | {f.false_alerts:.1%} | {f.abnormal_auc:.2f} "
            f"| {f.abnormal_confidence:.2f} | {f.calibration_error:.2f} |"
        )


def _mean(values: NDArray[np.float32] | NDArray[np.bool_]) -> float:
    """Their mean; 0 of none."""
    return float(values.mean()) if len(values) else 0.0


def _auc(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    if not len(positive) or not len(negative):
        return 0.5
    order = np.searchsorted(np.sort(negative), positive)
    return float(order.mean() / len(negative))


def _calibration_error(confidence: NDArray[np.float32], hits: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(float(confidence[bins == b].mean()) - float(hits[bins == b].mean()))
        * float((bins == b).mean())
        for b in set(bins.tolist())
    ]
    return float(sum(gaps))
