"""Whoever judges adapted weights did not teach them."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch")

from tonewatch.evaluation.labelled import Segment
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.adapt import keep_apart


def clip(path: str, speaker: str = "") -> Segment:
    return Segment(path=Path(path), emotion=Emotion.SAD, speaker=speaker)


def test_a_fifth_of_the_speakers_judges() -> None:
    clips = [clip(f"{number}.wav", f"s{number // 2:02}") for number in range(20)]
    teaching, judging = keep_apart(clips)
    assert {each.speaker for each in judging} == {"s04", "s09"}
    assert len(teaching) == 16
    assert not {each.speaker for each in teaching} & {each.speaker for each in judging}


def test_recordings_stand_for_speakers_without_a_name() -> None:
    teaching, judging = keep_apart([clip("a.wav"), clip("a.wav"), clip("b.wav")])
    assert {each.path.name for each in teaching} == {"a.wav"}
    assert {each.path.name for each in judging} == {"b.wav"}


def test_one_speaker_is_not_enough() -> None:
    with pytest.raises(InvalidInputError, match="at least two"):
        keep_apart([clip("a.wav", "one"), clip("b.wav", "one")])
