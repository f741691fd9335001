"""The fine matrix is taken from the window's end, and smoothing only blurs, never invents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewatch.inference.engines._steps import Posteriors, smoothed, step_count, step_rows

RATES = st.sampled_from([1, 2, 5, 10, 25, 50])


def posteriors(features: int, seed: int = 0) -> Posteriors:
    raw = np.random.default_rng(seed).random((features, 9)) + 0.01
    return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float32)


def features_of(samples: int) -> int:
    return max(1, (samples - 80) // 320)


@given(samples=st.integers(400, 480_000), per_second=RATES, smoothing=st.integers(20, 2000))
def test_rows_are_posteriors_and_as_many_as_promised(
    samples: int, per_second: int, smoothing: int
) -> None:
    given_rows = posteriors(features_of(samples))
    rows = step_rows(given_rows, samples=samples, per_second=per_second, smoothing_ms=smoothing)
    assert rows.shape == (step_count(samples, per_second), 9)
    assert rows.dtype == np.float32
    assert np.allclose(rows.sum(axis=1), 1, atol=1e-5)
    assert rows.min() >= given_rows.min() - 1e-6
    assert rows.max() <= given_rows.max() + 1e-6


@pytest.mark.parametrize(
    ("samples", "rows"), [(400, 1), (15_999, 9), (16_000, 10), (48_000, 30), (480_000, 30)]
)
def test_a_window_has_ten_rows_a_second_for_three_seconds(samples: int, rows: int) -> None:
    assert step_count(samples, 10) == rows


def test_without_smoothing_a_row_is_the_mean_of_its_own_features() -> None:
    features = posteriors(149)
    rows = step_rows(features, samples=48_000, per_second=10, smoothing_ms=20)
    assert np.allclose(rows[-1], features[-5:].mean(axis=0), atol=1e-6)
    assert np.allclose(rows[-10], features[-50:-45].mean(axis=0), atol=1e-6)
    # 149 features, not 150: the first row has four of its own
    assert np.allclose(rows[0], features[:4].mean(axis=0), atol=1e-6)


def test_fifty_rows_a_second_are_the_features() -> None:
    features = posteriors(200)
    rows = step_rows(features, samples=64_000, per_second=50, smoothing_ms=20)
    assert np.allclose(rows, features[-150:], atol=1e-6)


def test_smoothing_is_a_centred_mean_of_what_is_there() -> None:
    features = posteriors(20)
    smooth = smoothed(features, 100)
    assert np.allclose(smooth[10], features[8:13].mean(axis=0), atol=1e-6)
    assert np.allclose(smooth[0], features[:3].mean(axis=0), atol=1e-6)
    assert np.allclose(smooth[-1], features[-3:].mean(axis=0), atol=1e-6)


@given(st.integers(1, 300), st.integers(20, 2000))
def test_what_never_changes_stays(count: int, smoothing: int) -> None:
    features = np.repeat(posteriors(1), count, axis=0)
    assert np.allclose(smoothed(features, smoothing), features, atol=1e-6)
