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


@pytest.mark.parametrize("samples", [1, 400, 640, 895, 896, 16_000, 48_000])
def test_a_window_has_as_many_frames_as_promised(samples: int) -> None:
    frames = features.analyse(np.ones(samples, dtype=np.float32))
    assert features.normalise(frames).shape == (features.frame_count(samples), features.FEATURES)


def test_cutting_frames_equals_cutting_audio() -> None:
    audio = voiced(140, 2.0) + 0.01 * CHANCE.standard_normal(32_000).astype(np.float32)
    first, count = 20, 60
    start = first * features.HOP_SAMPLES
    samples = (count - 1) * features.HOP_SAMPLES + features.FRAME_SAMPLES
    whole = features.analyse(audio)
    cut = features.Frames(
        whole.mel_power[first : first + count], whole.pitch[first : first + count]
    )
    alone = features.analyse(audio[start : start + samples])
    assert np.allclose(features.normalise(cut), features.normalise(alone), atol=2e-3)


@pytest.mark.parametrize("gain", [1e-3, 0.1, 7.0])
def test_the_level_is_not_in_the_features(gain: float) -> None:
    audio = voiced(210)
    quiet = features.normalise(features.analyse((gain * audio).astype(np.float32)))
    assert np.allclose(quiet, features.normalise(features.analyse(audio)), atol=1e-3)


@pytest.mark.parametrize("hz", [80.0, 120.0, 210.0, 400.0])
def test_the_pitch_picture_peaks_at_the_pitch_or_an_octave_below(hz: float) -> None:
    pitches = np.geomspace(65, 520, features.PITCH_BINS)
    picture = features.analyse(voiced(hz)).pitch[10]
    at_pitch = picture[np.abs(pitches - hz).argmin()]
    assert at_pitch > 0.7
    off_pitch = np.abs(np.log2(pitches / hz)[:, None] - np.array([-2, -1, 0])).min(axis=1) > 0.3
    assert at_pitch > picture[off_pitch].max()


def test_a_telephone_line_keeps_the_pitch() -> None:
    time = np.arange(16_000) / features.SAMPLE_RATE_HZ
    audio = np.sum([np.sin(2 * np.pi * 120 * k * time) for k in range(3, 25)], axis=0)
    pitches = np.geomspace(65, 520, features.PITCH_BINS)
    assert features.analyse(audio.astype(np.float32)).pitch[5, np.abs(pitches - 120).argmin()] > 0.7


def test_values_that_are_not_numbers_do_not_spread() -> None:
    audio = voiced(120)
    audio[100:200] = np.nan
    audio[300] = np.inf
    assert np.isfinite(features.normalise(features.analyse(audio))).all()
