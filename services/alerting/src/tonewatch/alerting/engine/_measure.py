"""All conditions of all rules over all steps of a batch: one matrix product.

A column is one comparison: a weighted sum of the nine probabilities against a bound. Rules that
compare the same share a column; a rule that waits for any of several emotions has one for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.alerting.engine._seconds import ROUNDING_SLACK, Rows, Second
from tonewatch.shared.emotions import EMOTIONS, Emotion

DECIMALS: Final = 6
"""Values are compared after rounding, as scores are published: 0.1 + 0.7 is to be at least 0.8,
and a float32 of 0.9 is not more than 0.9."""

Weights = tuple[float, ...]
Values = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """One second by all columns: `values` has shape (steps, columns)."""

    columns: "Columns"
    values: Values
    holding: list[int]
    """The columns whose comparison holds in some step."""


@dataclass(slots=True)
class Columns:
    """The comparisons of a set of rules."""

    _known: dict[tuple[Weights, float], int] = field(default_factory=dict)
    _weights: Values = field(default_factory=lambda: np.zeros((len(EMOTIONS), 0)))
    _bounds: Values = field(default_factory=lambda: np.zeros(0))

    def add(self, weights: dict[Emotion, float], bound: float) -> int:
        """The column of `weights * probabilities > bound`."""
        vector = tuple(weights.get(Emotion(label), 0.0) for label in EMOTIONS)
        return self._known.setdefault((vector, bound), len(self._known))

    def close(self) -> None:
        """All columns are known: make the matrix."""
        if self._known:
            self._weights = np.array([vector for vector, _ in self._known]).T.copy()
            self._bounds = np.array([bound for _, bound in self._known])

    def weights(self, column: int) -> Values:
        """What a column multiplies the nine probabilities with."""
        vector: Values = self._weights[:, column]
        return vector

    def over(self, rows: Rows) -> Values:
        """Shape (steps, 9) to (steps, columns)."""
        values: Values = (rows.astype(np.float64) @ self._weights).round(DECIMALS)
        return values

    def holds(self, values: Values) -> Bools:
        """Where the comparisons hold, shape as given."""
        holds: Bools = values > self._bounds
        return holds

    def measure(self, seconds: Sequence[Second]) -> None:
        """Note for each heard second what its steps measure.

        Steps that are no probabilities are left aside: the second's own posterior is used.
        """
        heard = [second for second in seconds if second.heard]
        if not heard:
            return
        rows, starts = _stack(heard)
        sound = ((rows >= -ROUNDING_SLACK) & (rows <= 1 + ROUNDING_SLACK)).all(axis=1)
        if not sound.all():
            for second, is_sound in zip(heard, _all_of(sound, starts), strict=True):
                second.steps = second.steps if is_sound else None
            rows, starts = _stack(heard)
        values = self.over(rows)
        holding: list[list[int]] = [[] for _ in heard]
        some = np.logical_or.reduceat(self.holds(values), starts, axis=0)
        for number, column in zip(*(index.tolist() for index in some.nonzero()), strict=True):
            holding[number].append(column)
        ends = [*starts[1:], len(rows)]
        for second, begin, end, columns in zip(heard, starts, ends, holding, strict=True):
            second.measured = Measured(self, values[begin:end], columns)

    def of(self, second: Second) -> Measured:
        """What a heard second measures, by these columns."""
        if second.measured is None or second.measured.columns is not self:
            self.measure([second])
        if second.measured is None:  # pragma: no cover - callers look first
            raise ValueError("only a heard second can be measured")
        return second.measured


def _stack(seconds: Sequence[Second]) -> tuple[Rows, list[int]]:
    parts = [second.rows() for second in seconds]
    starts, count = [], 0
    for part in parts:
        starts.append(count)
        count += len(part)
    return np.concatenate(parts), starts


def _all_of(flags: Any, starts: list[int]) -> list[bool]:
    every: list[bool] = np.logical_and.reduceat(flags, starts).tolist()
    return every
