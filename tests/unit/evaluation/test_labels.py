"""Words of corpora, English and Chinese, find their label."""

import pytest

from tonewatch.evaluation.labels import emotion_of
from tonewatch.shared.emotions import CHINESE, Emotion


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("Anger", Emotion.ANGRY),
        (" calm ", Emotion.NEUTRAL),
        ("bored", Emotion.OTHER),
        ("Pleasant Surprise", Emotion.SURPRISED),
        ("<unk>", Emotion.UNKNOWN),
        ("愤怒", Emotion.ANGRY),
        ("生气/angry", Emotion.ANGRY),
        *((chinese, emotion) for emotion, chinese in CHINESE.items()),
        *((emotion.value, emotion) for emotion in Emotion),
    ],
)
def test_a_word_finds_its_label(word: str, emotion: Emotion) -> None:
    assert emotion_of(word) is emotion


@pytest.mark.parametrize("word", ["", "angri", "43"])
def test_other_words_find_none(word: str) -> None:
    assert emotion_of(word) is None
