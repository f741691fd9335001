"""Emotions and corpora are drawn evenly, however many clips they have; features survive packing."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from tonewatch.evaluation.labelled import Segment
from tonewatch.inference.engines.compact import features
from tonewatch.shared.emotions import Emotion
from tonewatch.training.corpus import CLASSES
from tonewatch.training.lessons import EMOTION_SHARE, labelled_lessons
from tonewatch.training.prepare import pack, unpack
from tonewatch.training.vectors import Vectors, pooled


def vectors(sounds: int, each: int = 2) -> Vectors:
    owners = np.repeat(np.arange(sounds), each)
    return Vectors(np.zeros((len(owners), 4), dtype=np.float16), owners)


def test_a_rare_emotion_is_drawn_like_a_frequent_one() -> None:
    emotions = [Emotion.ANGRY] * 50 + [Emotion.NEUTRAL] * 5 + [Emotion.SAD]
    clips = [Segment(path=Path("x"), corpus="emodb", speaker="1", emotion=e) for e in emotions]
    found = labelled_lessons(clips, vectors(len(clips)), vectors(3))
    drawn: Counter[Emotion] = Counter()
    for answer, share in zip(found.answers, found.shares, strict=True):
        drawn[CLASSES[int(answer.argmax())]] += share
    for emotion in (Emotion.ANGRY, Emotion.NEUTRAL, Emotion.SAD, Emotion.UNKNOWN):
        assert drawn[emotion] == pytest.approx(EMOTION_SHARE[emotion])


def test_noise_is_unknown() -> None:
    clip = Segment(path=Path("x"), corpus="emodb", speaker="1", emotion=Emotion.SAD)
    found = labelled_lessons([clip], vectors(1), vectors(2))
    said = [CLASSES[int(answer.argmax())] for answer in found.answers]
    assert said == [Emotion.SAD] * 2 + [Emotion.UNKNOWN] * 4


def test_packing_keeps_the_features() -> None:
    audio = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    frames = features.analyse(audio)
    assert np.allclose(
        features.normalise(unpack(pack(frames))), features.normalise(frames), atol=0.02
    )


def test_pooling_is_mean_and_deviation_of_what_counts() -> None:
    heard = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 100.0]], dtype=np.float32)
    weights = np.array([[0.5, 0.5, 0.0]], dtype=np.float32)
    assert pooled(heard, weights) == pytest.approx(np.array([[2.0, 5.0, 1.0, 0.01]]))
