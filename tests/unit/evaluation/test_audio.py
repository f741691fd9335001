"""Recordings of any rate and number of channels become mono at 16 kHz; bad ones are told early."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.audio import sine_pcm, write_wav
from tonewatch.evaluation.audio import inspect, read_audio
from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    """Two seconds at 8 kHz: left 0.5, right -0.25."""
    file = tmp_path / "stereo.wav"
    soundfile.write(file, np.tile([0.5, -0.25], (16_000, 1)), 8_000, subtype="FLOAT")
    return file


def test_audio_is_mixed_and_resampled(stereo: Path) -> None:
    audio = read_audio(stereo)
    assert audio.dtype == np.float32
    assert audio.shape == (32_000,)
    assert audio[16_000] == pytest.approx(0.125, abs=1e-3)


def test_one_channel_and_one_stretch(stereo: Path) -> None:
    audio = read_audio(stereo, 0.5, 1.5, channel=2)
    assert len(audio) == 16_000
    assert audio[8_000] == pytest.approx(-0.25, abs=1e-3)


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.full(800, np.nan), 16_000, subtype="FLOAT")
    with pytest.raises(InvalidInputError, match="no numbers"):
        read_audio(tmp_path / "x.wav")


def test_what_is_missing_in_a_file_is_refused(stereo: Path) -> None:
    with pytest.raises(InvalidInputError, match="no audio at 3 s"):
        read_audio(stereo, 3)
    with pytest.raises(InvalidInputError, match=r"2 channel.s., none with number 3"):
        read_audio(stereo, channel=3)


def segment(path: Path, place: str, **times: float) -> Segment:
    channel = int(times.pop("channel", 0)) or None
    start, end = times.get("start", 0.0), times.get("end")
    return Segment(
        path=path,
        emotion=Emotion.SAD,
        start_seconds=start,
        end_seconds=end,
        channel=channel,
        place=place,
    )


def test_every_recording_is_looked_at_before_the_work(stereo: Path) -> None:
    broken, empty = stereo.with_name("broken.wav"), stereo.with_name("empty.wav")
    broken.write_bytes(b"no audio")
    write_wav(empty, b"")
    listing = Listing(
        [
            segment(stereo, "good"),
            segment(stereo, "rounded", start=1, end=2.9),
            segment(stereo, "beyond", start=2, end=2.5),
            segment(stereo, "long", start=1, end=3.5),
            segment(stereo, "channel", channel=3),
            segment(broken, "broken"),
            segment(empty, "empty"),
        ]
    )
    inspect(listing)
    assert [each.place for each in listing.segments] == ["good", "rounded"]
    told = {each.place: each.message for each in listing.problems}
    assert "from 2 s to 2.5 s, but" in told["beyond"]
    assert "has only 2.0 s" in told["long"]
    assert "none with number 3" in told["channel"]
    assert told["broken"].count("broken.wav") == 1
    assert "is empty" in told["empty"]


def test_if_none_can_be_heard_the_work_ends(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no audio")
    with pytest.raises(InvalidInputError, match=r"(?s)labels:2.*no label that can be used"):
        inspect(Listing([segment(tmp_path / "x.wav", "labels:2")]))


def test_a_recording_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_wav(tmp_path / "x.wav", sine_pcm(1))
    opened: list[Path] = []
    info = soundfile.info

    def counted(path: Path) -> object:
        opened.append(path)
        return info(path)

    monkeypatch.setattr(soundfile, "info", counted)
    inspect(Listing([segment(file, str(number)) for number in range(3)]))
    assert opened == [file]
