"""Sounds are changed as said and in nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonewatch.evaluation import acoustics, lines

RATE_HZ = 16_000
TIME = np.arange(RATE_HZ) / RATE_HZ


def tone(hz: float) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)


def noise(seed: int = 2) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(RATE_HZ).astype(np.float32)


@given(st.floats(0, 40))
def test_noise_lies_as_far_below_the_speech_as_asked(snr_db: float) -> None:
    speech = tone(300)
    added = acoustics.add_noise(speech, noise(), snr_db, np.random.default_rng(1)) - speech
    ratio = acoustics.rms(speech) / acoustics.rms(added)
    assert 20 * np.log10(ratio) == pytest.approx(snr_db, abs=0.1)


def test_a_telephone_line_carries_only_its_band() -> None:
    heard = [acoustics.rms(lines.telephone(tone(hz) + tone(1_000))) for hz in (100, 2_000, 6_000)]
    assert heard[1] > 1.3 * heard[0]
    assert heard[0] == pytest.approx(heard[2], rel=0.05)


@pytest.mark.parametrize("samples", [400, 16_000, 23_457])
def test_codecs_keep_length_level_and_voice_band(samples: int) -> None:
    speech = np.resize(tone(440), samples)
    for heard in (lines.mobile(speech), lines.internet(speech, 0.9), lines.telephone(speech)):
        assert len(heard) == samples
        assert heard.dtype == np.float32
        assert np.isfinite(heard).all()
    if samples > 10_000:
        assert acoustics.rms(lines.mobile(speech)) == pytest.approx(0.35, rel=0.3)
        assert acoustics.rms(lines.internet(speech, 0.9)) == pytest.approx(0.35, rel=0.3)


def test_an_echo_comes_later_and_quieter() -> None:
    click = np.zeros(RATE_HZ, dtype=np.float32)
    click[100] = 1.0
    heard = acoustics.echoed(click, 0.05, 20)
    assert heard[100] == 1.0
    assert heard[900] == pytest.approx(0.1)


def test_faster_speech_is_shorter_and_higher() -> None:
    fast = acoustics.change_speed(tone(200), 1.25)
    assert len(fast) == pytest.approx(RATE_HZ / 1.25, abs=2)
    peak_hz = np.abs(np.fft.rfft(fast)).argmax() * RATE_HZ / len(fast)
    assert peak_hz == pytest.approx(250, abs=2)


def test_clipping_cuts_at_the_share_of_the_peak() -> None:
    assert np.abs(acoustics.clip_peaks(tone(200), 0.4)).max() == pytest.approx(0.2, rel=0.01)
