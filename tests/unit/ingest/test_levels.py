"""Levels, and the share of samples that did not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.audio import silence_pcm, sine_pcm
from tonewatch.ingest.audio.levels import clipping, level_dbfs


@pytest.mark.parametrize("gain", [1.5, 2.0, 4.0])
def test_clipping_is_the_share_of_flat_peaks(gain: float) -> None:
    expected = 1 - 2 / np.pi * np.arcsin(0.99 / gain)
    assert clipping(sine_pcm(1, amplitude=gain)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("pcm", [b"", silence_pcm(1), sine_pcm(1, amplitude=0.98)])
def test_what_fits_is_not_clipped(pcm: bytes) -> None:
    assert clipping(pcm) == 0


@pytest.mark.parametrize("sample", [32767, -32768, -32767, 32500])
def test_both_ends_of_the_scale_and_what_is_next_to_them_count(sample: int) -> None:
    assert clipping(np.array([sample, 0, 0, 0], dtype="<i2").tobytes()) == 0.25


@pytest.mark.parametrize(
    ("pcm", "expected"),
    [(b"", -100), (silence_pcm(1), -100), (sine_pcm(1, amplitude=0.5), -9.03)],
)
def test_the_level_is_that_of_the_whole_stretch(pcm: bytes, expected: float) -> None:
    assert level_dbfs(pcm) == pytest.approx(expected, abs=0.01)


@given(st.binary(max_size=2_000).filter(lambda pcm: len(pcm) % 2 == 0))
def test_no_audio_has_a_level_or_a_share_out_of_range(pcm: bytes) -> None:
    assert 0 <= clipping(pcm) <= 1
    assert -100 <= level_dbfs(pcm) <= 0
