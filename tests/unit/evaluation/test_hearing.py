"""Each segment is heard whole and in windows; what cannot be heard is noted, not lost."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.audio import sine_pcm, write_wav
from tests.unit.evaluation.stubs import StubEngine
from tonewatch.evaluation.hearing import BATCH, Hearing, windows
from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.evaluation.scenes import Scene
from tonewatch.evaluation.sounds import Surroundings
from tonewatch.inference.engines.base import Waveform
from tonewatch.shared.emotions import EMOTIONS, Emotion

RATE_HZ = 16_000


@pytest.mark.parametrize(
    ("seconds", "starts", "length"), [(5.5, [0, 1, 2], 3.0), (3.0, [0], 3.0), (1.2, [0], 1.2)]
)
def test_windows_are_full_and_one_a_second(
    seconds: float, starts: list[int], length: float
) -> None:
    audio = np.arange(round(seconds * RATE_HZ), dtype=np.float32)
    found = windows(audio, 3.0)
    assert [int(window[0]) for window in found] == [RATE_HZ * start for start in starts]
    assert {len(window) for window in found} == {round(length * RATE_HZ)}


def by_level(window: Waveform) -> Emotion:
    return Emotion.ANGRY if float(np.abs(window).max()) > 0.5 else Emotion.NEUTRAL


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Loud and quiet by turns, of 2, 3, 4 and 5 seconds; more than one batch of them."""
    return [
        write_wav(
            tmp_path / f"{number}.wav",
            sine_pcm(2 + number % 4, amplitude=0.9 if number % 2 else 0.1),
        )
        for number in range(BATCH + 3)
    ]


def said(rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[Emotion]:
    return [EMOTIONS[index] for index in np.atleast_2d(rows).argmax(axis=1)]


def test_answers_belong_to_their_segments(files: list[Path]) -> None:
    segments = [Segment(path=file, emotion=Emotion.SAD, place=file.stem) for file in files]
    files[4].write_bytes(b"broken")
    write_wav(files[7], sine_pcm(0.02))
    listing = Listing()
    hearing = Hearing(StubEngine(by_level), Surroundings())
    heard = list(hearing.hear(segments, Scene.A, listing))
    assert [number for number, each in enumerate(heard) if each is None] == [4, 7]
    assert {each.place for each in listing.problems} == {"4", "7"}
    for number, each in enumerate(heard):
        if each is None:
            continue
        assert each.segment is segments[number]
        expected = Emotion.ANGRY if number % 2 else Emotion.NEUTRAL
        assert said(each.utterance) == [expected]
        assert said(each.windows) == [expected] * max(1, number % 4)


def test_each_segment_has_noise_of_its_own(tmp_path: Path) -> None:
    heard: list[Waveform] = []

    def keep(window: Waveform) -> Emotion:
        heard.append(window)
        return Emotion.NEUTRAL

    file = write_wav(tmp_path / "x.wav", sine_pcm(1))
    segments = [Segment(path=file, emotion=Emotion.SAD)] * 2
    for _ in range(2):
        list(Hearing(StubEngine(keep), Surroundings()).hear(segments, Scene.B, Listing()))
    first, _, second, _, first_again, *_ = heard  # each utterance and its one window
    assert not np.allclose(first, second)
    assert np.array_equal(first, first_again)


def test_a_mistake_is_noted_whatever_the_scene(files: list[Path]) -> None:
    files[0].write_bytes(b"broken")
    listing = Listing()
    segment = Segment(path=files[0], emotion=Emotion.SAD, place="labels:2")
    hearing = Hearing(StubEngine(by_level), Surroundings())
    for scene in (Scene.B, Scene.C):
        assert list(hearing.hear([segment], scene, listing)) == [None]
    assert [each.place for each in listing.problems] == ["labels:2"]


def test_an_utterance_is_heard_to_thirty_seconds(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "long.wav", sine_pcm(31))
    engine = StubEngine(by_level)
    segment = Segment(path=file, emotion=Emotion.SAD)
    list(Hearing(engine, Surroundings()).hear([segment], Scene.A, Listing()))
    assert engine.lengths == [30 * RATE_HZ] + 28 * [3 * RATE_HZ]


def test_an_engine_is_never_asked_for_too_much_at_once(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "long.wav", sine_pcm(30))
    engine = StubEngine(by_level)
    segment = Segment(path=file, emotion=Emotion.SAD)
    heard = list(Hearing(engine, Surroundings()).hear([segment] * 4, Scene.A, Listing()))
    assert len(heard) == 4
    assert len(engine.lengths) == 4 * 29
    assert engine.most_at_once <= 64
