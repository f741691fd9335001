"""Nobody judges a head that learnt from them; sureness is set by what they say."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from tonewatch.evaluation.labelled import Segment
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.training.crossing import Crossing, folds, mean_recall

SAD, ANGRY = EMOTIONS.index(Emotion.SAD), EMOTIONS.index(Emotion.ANGRY)


def clip(corpus: str, speaker: str, emotion: Emotion = Emotion.SAD) -> Segment:
    return Segment(path=Path("a.wav"), emotion=emotion, corpus=corpus, speaker=speaker)


def says(*labels: int, surely: float = 1.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return surely * np.eye(9, dtype=np.float32)[list(labels)]


def test_a_speaker_is_in_one_fold_and_a_corpus_in_several() -> None:
    clips = [clip("emodb", f"{number % 6:02}") for number in range(30)]
    found = folds(clips)
    for number in range(6):
        assert len(set(found[number::6].tolist())) == 1
    assert set(found.tolist()) == {0, 1, 2, 3}


def test_the_only_speaker_of_a_corpus_never_judges() -> None:
    assert folds([clip("tess", "OAF"), clip("casia", "a"), clip("casia", "b")]).tolist() == [
        -1,
        0,
        1,
    ]


def test_a_large_corpus_and_a_frequent_emotion_count_no_more_than_others() -> None:
    clips = [clip("a", "1")] * 98 + [clip("a", "1", Emotion.ANGRY)] + [clip("b", "1")]
    assert mean_recall(clips, says(*[SAD] * 100)) == pytest.approx((0.5 + 1) / 2)


def test_the_best_epoch_is_that_of_the_best_neighbourhood() -> None:
    crossing = Crossing(clips=[clip("a", "1")] * 4)
    for epoch, right in enumerate([4, 0, 0, 3, 3, 3, 0], start=1):
        crossing.by_epoch[epoch] = [says(*[SAD] * right, *[ANGRY] * (4 - right))]
    assert crossing.recall(1) == 1
    assert crossing.best_epoch == 5


@pytest.mark.parametrize(("right", "warmer"), [(7, True), (10, False)])
def test_who_is_often_wrong_must_be_less_sure(right: int, warmer: bool) -> None:
    others = [clip("a", "1", Emotion.NEUTRAL)] * (10 - right)
    crossing = Crossing(clips=[clip("a", "1")] * right + others)
    crossing.by_epoch[1] = [says(*[SAD] * 10, surely=5)]
    assert (crossing.temperature(1) > 1) is warmer
