"""Bootstrap intervals (Efron 1979): what the same figure could have been with other recordings."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEVEL: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds between which 95 % of the resampled ones lie."""

    value: float
    low: float
    high: float


def interval(value: float, resampled: Floats) -> Interval:
    """The figure with the bounds of its resampled values, shape (resamples,)."""
    low, high = np.quantile(resampled, _LEVEL)
    return Interval(float(value), float(low), float(high))


def generator() -> np.random.Generator:
    """Chances for resampling; the same in every run, so that a report can be made again."""
    return np.random.default_rng(0)
