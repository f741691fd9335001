"""The features are the same for cut frames as for cut audio, and know nothing of the level."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import features

CHANCE = np.random.default_rng(7)


def voiced(hz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    time = np.arange(int(seconds * features.SAMPLE_RATE_HZ)) / features.SAMPLE_RATE_HZ
    harmonics = [np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 12)]
    return np.asarray(0.1 * np.sum(harmonics, axis=0), dtype=np.float32)


@pytest.mark.parametrize("samples", [1, 400, 559, 560, 16_000, 48_000])
def test_a_window_has_as_many_frames_as_promised(samples: int) -> None:
    frames = features.analyse(np.ones(samples, dtype=np.float32))
    assert features.normalise(frames).shape == (features.frame_count(samples), features.MEL_BANDS)


def test_cutting_frames_equals_cutting_audio() -> None:
    audio = voiced(140, 2.0) + 0.01 * CHANCE.standard_normal(32_000).astype(np.float32)
    first, count = 20, 60
    start = first * features.HOP_SAMPLES
    samples = (count - 1) * features.HOP_SAMPLES + features.FRAME_SAMPLES
    whole = features.analyse(audio)
    cut = features.Frames(whole.log_mel[first : first + count], whole.power[first : first + count])
    alone = features.analyse(audio[start : start + samples])
    assert np.allclose(features.normalise(cut), features.normalise(alone), atol=2e-3)


@pytest.mark.parametrize("gain", [1e-3, 0.1, 7.0])
def test_the_level_is_not_in_the_features(gain: float) -> None:
    audio = voiced(210)
    quiet = features.normalise(features.analyse((gain * audio).astype(np.float32)))
    assert np.allclose(quiet, features.normalise(features.analyse(audio)), atol=1e-3)


@pytest.mark.parametrize("hz", [200.0, 1_000.0, 2_500.0, 6_000.0])
def test_a_tone_is_loudest_in_its_band(hz: float) -> None:
    time = np.arange(features.SAMPLE_RATE_HZ) / features.SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * hz * time).astype(np.float32)
    loudest = features.analyse(tone).log_mel[10].argmax()
    assert abs(loudest - np.abs(features.band_centres_hz() - hz).argmin()) <= 1


def test_quiet_bands_are_cut_off_eighty_decibels_below_the_loudest() -> None:
    mel = features.normalise(features.analyse(voiced(140)))
    assert mel.max() - mel.min() == pytest.approx(2.0, abs=1e-5)  # in units of 40 dB


def test_values_that_are_not_numbers_do_not_spread() -> None:
    audio = voiced(120)
    audio[100:200] = np.nan
    audio[300] = np.inf
    assert np.isfinite(features.normalise(features.analyse(audio))).all()
