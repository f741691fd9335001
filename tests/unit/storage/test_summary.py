"""Gaps that overlap are counted once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tonewatch.storage.api.summary import covered


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=10))
def test_seconds_in_gaps_are_counted_as_a_set_would(gaps: list[tuple[int, int]]) -> None:
    ranges = sorted((first, first + length) for first, length in gaps)
    seconds = {second for first, last in ranges for second in range(first, last + 1)}
    assert covered(ranges) == len(seconds)
