"""Calls are heard as live ones: second by second, and silence is not scored."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.audio import silence_pcm, speech_like_pcm, write_wav
from tests.unit.evaluation.stubs import StubEngine
from tonewatch.evaluation.calls import Call, calls_of, hear_call
from tonewatch.evaluation.hearing import Hearing
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.scenes import Scene
from tonewatch.evaluation.sounds import Surroundings
from tonewatch.inference.engines.base import Waveform
from tonewatch.shared.emotions import EMOTIONS, Emotion

RATE_HZ = 16_000


def segment(path: Path, channel: int | None = None, end: float | None = 2.0) -> Segment:
    return Segment(path=path, emotion=Emotion.SAD, end_seconds=end, channel=channel)


def test_a_call_is_a_channel_of_a_recording() -> None:
    one, two = Path("one.wav"), Path("two.wav")
    segments = [segment(one, 1), segment(one, 2), segment(two), segment(one, 1)]
    calls = calls_of([*segments, segment(two, end=None)])
    assert [call.name for call in calls] == ["one.wav channel 1", "one.wav channel 2", "two.wav"]
    assert [len(call.segments) for call in calls] == [2, 1, 1]


def by_level(window: Waveform) -> Emotion:
    """Of the newest second."""
    return Emotion.ANGRY if float(np.abs(window[-RATE_HZ:]).max()) > 0.5 else Emotion.NEUTRAL


def call_of(file: Path) -> Call:
    return Call((segment(file),))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two quiet seconds, two without speech, two and a half loud ones."""
    quiet, loud = speech_like_pcm(2, amplitude=0.2), speech_like_pcm(2.5, amplitude=0.9)
    return write_wav(tmp_path / "call.wav", quiet + silence_pcm(2) + loud)


def test_each_second_is_scored_with_what_went_before(file: Path) -> None:
    engine = StubEngine(by_level)
    scored = hear_call(Hearing(engine, Surroundings()), call_of(file), Scene.A, 0)
    said = [None if row is None else EMOTIONS[int(row.argmax())].value for row in scored]
    assert said == ["neutral", "neutral", None, None, "angry", "angry", "angry"]
    assert engine.lengths == [RATE_HZ * seconds for seconds in (1, 2, 3, 3, 3)]


def test_a_scene_lies_over_the_whole_call(file: Path) -> None:
    heard: list[list[Waveform]] = []

    def keep(window: Waveform) -> Emotion:
        heard[-1].append(window)
        return Emotion.NEUTRAL

    hearing = Hearing(StubEngine(keep), Surroundings(), window_seconds=1.0)
    for number in (0, 0, 1):
        heard.append([])
        hear_call(hearing, call_of(file), Scene.B, number)
    first, again, other = (np.concatenate(windows) for windows in heard)
    assert np.array_equal(first, again)
    assert not np.allclose(first[-8_000:], other[-8_000:])


def test_long_calls_are_placed_minute_by_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def place_in(scene: Scene, speech: Waveform, *_: object) -> Waveform:
        lengths.append(len(speech))
        return speech

    monkeypatch.setattr("tonewatch.evaluation.calls.place_in", place_in)
    file = write_wav(tmp_path / "call.wav", speech_like_pcm(2) + silence_pcm(119))
    scored = hear_call(Hearing(StubEngine(by_level), Surroundings()), call_of(file), Scene.C, 0)
    assert lengths == [60 * RATE_HZ, 60 * RATE_HZ, RATE_HZ]
    assert len(scored) == 121
