"""Pauses do not count, unless there is nothing else."""

import numpy as np
import pytest

from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.ear import loud_positions, pooling, position_count


def frames(*powers: float) -> features.Frames:
    log_mel = np.zeros((len(powers), features.MEL_BANDS), dtype=np.float32)
    return features.Frames(log_mel, np.array(powers, dtype=np.float32))


def test_a_pause_lies_35_decibels_below_what_is_loud() -> None:
    found = loud_positions(frames(1.0, 1.0, 4e-4, 4e-4, 2e-4, 2e-4))
    assert found.tolist() == [True, True, False]


def test_an_odd_frame_is_a_position_of_its_own() -> None:
    assert loud_positions(frames(1.0, 1.0, 1e-9)).tolist() == [True, False]


def test_silence_is_all_alike() -> None:
    assert loud_positions(frames(*[0.0] * 8)).all()


@pytest.mark.parametrize("samples", [1, 400, 560, 720, 16_000])
def test_there_are_as_many_positions_as_promised(samples: int) -> None:
    found = features.analyse(np.ones(samples, dtype=np.float32))
    assert len(loud_positions(found)) == position_count(samples)


def test_only_what_is_loud_counts_in_a_stretch() -> None:
    loud = np.array([True, False, True, True])
    rows = pooling(loud, [(0, 4), (0, 2), (2, 4)])
    assert rows == pytest.approx(np.array([[1, 0, 1, 1], [3, 0, 0, 0], [0, 0, 1.5, 1.5]]) / 3)


def test_a_stretch_that_is_a_pause_counts_as_a_whole() -> None:
    assert pooling(np.array([True, False, False]), [(1, 3)]).tolist() == [[0, 0.5, 0.5]]
