"""The fine matrix: posteriors at even steps over the last seconds of a window.

Three seconds, for under overload one window answers for up to three frames.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

REACH_SECONDS: Final = 3.0
FEATURE_MS: Final = 20
FEATURES_PER_SECOND: Final = 1000 // FEATURE_MS
_SAMPLE_RATE_HZ: Final = 16_000

Posteriors = NDArray[np.float32]


def step_count(samples: int, per_second: int) -> int:
    """How many rows a window of so many samples has; at least one."""
    seconds = min(REACH_SECONDS, samples / _SAMPLE_RATE_HZ)
    return max(1, int(round(seconds * per_second, 6)))


def step_rows(
    posteriors: Posteriors, *, samples: int, per_second: int, smoothing_ms: int
) -> Posteriors:
    """Rows of shape (steps, 9) from posteriors of 20 ms features, shape (features, 9).

    The features are smoothed by a centred moving average of `smoothing_ms` over the whole window
    (what lies beyond its ends is left out of the average); a row is the mean of its own features,
    counted from the window's end. `samples` is the window's length, which gives the number of rows.
    """
    smooth = smoothed(posteriors, smoothing_ms)
    each = FEATURES_PER_SECOND // per_second
    steps = step_count(samples, per_second)
    ends = len(smooth) - each * np.arange(steps)[::-1]
    # a window of n seconds has a feature or two less than 50 n: the first rows share what is there
    ends = np.clip(ends, 1, len(smooth))
    return _means(smooth, np.clip(ends - each, 0, ends - 1), ends)


def smoothed(posteriors: Posteriors, smoothing_ms: int) -> Posteriors:
    """A centred moving average over an odd number of features, shape as given."""
    half = (max(1, smoothing_ms // FEATURE_MS)) // 2
    if half == 0:
        return posteriors
    index = np.arange(len(posteriors))
    starts, ends = np.maximum(0, index - half), np.minimum(len(posteriors), index + half + 1)
    return _means(posteriors, starts, ends)


def _means(rows: Posteriors, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Posteriors:
    """The mean of the rows [start, end) for each pair."""
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=sums[1:])
    means: Posteriors = ((sums[ends] - sums[starts]) / (ends - starts)[:, np.newaxis]).astype(
        np.float32
    )
    return means
