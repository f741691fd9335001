"""Augmentation changes what it says and nothing else, and can be repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonewatch.training import augment

RATE_HZ = 16_000
TIME = np.arange(RATE_HZ) / RATE_HZ


def tone(hz: float) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)


def noise(seed: int = 2) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(RATE_HZ).astype(np.float32)


def test_trimming_keeps_the_speech_and_drops_the_quiet() -> None:
    quiet = 1e-4 * noise()
    trimmed = augment.trim(np.concatenate([quiet, tone(200), quiet]))
    assert len(trimmed) == pytest.approx(RATE_HZ, rel=0.15)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_trimming_leaves_what_is_too_short_to_judge(samples: int) -> None:
    assert len(augment.trim(np.zeros(samples, dtype=np.float32))) == samples


@given(st.integers(0, 10_000))
def test_a_version_can_be_made_again_from_its_seed(seed: int) -> None:
    surroundings = augment.Surroundings(((noise(),),), (np.array([1, 0, 0.3], dtype=np.float32),))
    first, second = (
        augment.augment(tone(220), surroundings, np.random.default_rng(seed)) for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert np.isfinite(first).all()
    assert first.dtype == np.float32
