"""The fine matrix survives storage with three digits."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewatch.shared.errors import InvalidMessageError
from tonewatch.storage.steps import check_steps, pack_steps, unpack_steps

Rows = st.lists(st.lists(st.floats(0, 1, width=32), min_size=9, max_size=9), max_size=60)


@settings(deadline=None)
@given(Rows)
def test_a_stored_matrix_comes_back_within_half_precision(rows: list[list[float]]) -> None:
    blob = b"".join(struct.pack("<9f", *row) for row in rows)
    check_steps(blob, len(rows))
    before, stored, after = pack_steps([b"", blob, bytes(36)])
    assert (before, after) == (None, bytes(18))
    assert stored is None if not rows else stored is not None and len(stored) == len(blob) // 2
    back = unpack_steps(stored)
    assert len(back) == len(rows)
    for row, again in zip(rows, back, strict=True):
        assert again == pytest.approx(row, abs=6e-4)


@pytest.mark.parametrize(("size", "steps"), [(0, 1), (36, 0), (35, 1), (36, 2), (40, 1)])
def test_a_matrix_of_another_length_than_announced_is_an_invalid_message(
    size: int, steps: int
) -> None:
    with pytest.raises(InvalidMessageError, match=f"{size} bytes; {steps} rows"):
        check_steps(bytes(size), steps)


def test_numbers_too_large_for_half_precision_are_an_invalid_message() -> None:
    with pytest.raises(InvalidMessageError, match="no probabilities"):
        pack_steps([bytes(36), struct.pack("<9f", *[1e30] * 9)])
