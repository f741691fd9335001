"""Figures of utterances against values worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from tests.unit.evaluation.stubs import saying
from tonewatch.evaluation.figures import Figures, figures
from tonewatch.shared.emotions import EMOTIONS, Emotion

ANGRY, NEUTRAL, SAD, OTHER = Emotion.ANGRY, Emotion.NEUTRAL, Emotion.SAD, Emotion.OTHER


def measured(
    truths: list[Emotion], said: NDArray[np.float32], own: tuple[Emotion, ...] = ()
) -> Figures:
    labels = np.array([emotion in (own or set(truths)) for emotion in EMOTIONS])
    return figures(
        truths,
        said,
        [row[np.newaxis] for row in said],
        own_labels=np.tile(labels, (len(truths), 1)),
        speakers=1,
    )


def test_unweighted_recall_counts_every_emotion_once() -> None:
    truths = [NEUTRAL] * 8 + [ANGRY] * 2
    found = measured(truths, saying(*[NEUTRAL] * 8, ANGRY, NEUTRAL))
    assert found.segments == 10
    assert found.unweighted_recall.value == pytest.approx(0.75)
    assert found.accuracy.value == pytest.approx(0.9)
    assert {name: each.value for name, each in found.recall.items()} == {"angry": 0.5, "neutral": 1}
    assert found.f1["angry"].value == pytest.approx(2 / 3)
    assert found.confusion[EMOTIONS.index(ANGRY)][EMOTIONS.index(NEUTRAL)] == 1
    assert np.array(found.confusion).sum() == 10
    assert found.unweighted_recall.low < 0.75 < found.unweighted_recall.high


def test_f1_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(4)
    truth, said = chance.integers(9, size=(2, 300))
    found = measured([EMOTIONS[index] for index in truth], saying(*[EMOTIONS[i] for i in said]))
    expected = f1_score(truth, said, average=None)
    assert [each.value for each in found.f1.values()] == pytest.approx(expected)


def test_own_labels_take_the_most_probable_of_them() -> None:
    said = saying(OTHER, NEUTRAL, sure=0.6)
    said[0, EMOTIONS.index(ANGRY)] = 0.3
    found = measured([ANGRY, NEUTRAL], said)
    assert found.unweighted_recall.value == pytest.approx(0.5)
    assert found.unweighted_recall_own_labels.value == pytest.approx(1.0)
    assert measured(
        [ANGRY, NEUTRAL], said, (ANGRY, NEUTRAL, OTHER)
    ).unweighted_recall_own_labels == (found.unweighted_recall)


def test_an_emotion_that_is_only_answered_has_no_recall() -> None:
    found = measured([ANGRY, NEUTRAL], saying(SAD, NEUTRAL))
    assert set(found.recall) == set(found.f1) == {"angry", "neutral"}


def test_the_interval_narrows_with_more_segments() -> None:
    def width(times: int) -> float:
        truths = ([NEUTRAL] * 2 + [ANGRY] * 2) * times
        said = saying(*([NEUTRAL, ANGRY, ANGRY, NEUTRAL] * times))
        found = measured(truths, said).unweighted_recall
        return found.high - found.low

    assert width(100) < width(10) / 2


def test_the_interval_is_that_of_drawing_segments_anew() -> None:
    """A plain bootstrap, segment by segment, has the same bounds as the quick one."""
    truths = [NEUTRAL] * 30 + [ANGRY] * 10
    said = [NEUTRAL] * 21 + [ANGRY] * 9 + [ANGRY] * 6 + [NEUTRAL] * 4
    chance = np.random.default_rng(8)
    right = np.array([truth is answer for truth, answer in zip(truths, said, strict=True)])
    drawn = [
        (chance.choice(right[:30], 30).mean() + chance.choice(right[30:], 10).mean()) / 2
        for _ in range(4_000)
    ]
    found = measured(truths, saying(*said)).unweighted_recall
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.03
    )


def test_the_same_segments_have_the_same_figures() -> None:
    truths = [ANGRY, NEUTRAL, SAD] * 5
    said = saying(*[ANGRY, SAD, SAD] * 5)
    assert measured(truths, said) == measured(truths, said)
