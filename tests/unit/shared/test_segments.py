"""Segments cover what was heard, once, in order, and are never shorter than they may be."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import posterior
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.segments import Segment, Stretch, segments


def second(number: int, names: list[str], probability: float = 0.9) -> Stretch:
    rows = [posterior(name, probability) for name in names]
    return Stretch(1000 * number, 1000 * (number + 1), rows)


def shown(found: list[Segment]) -> list[tuple[float, float, str]]:
    return [(each.start_seconds, each.end_seconds, each.emotion) for each in found]


def test_runs_join_across_seconds() -> None:
    found = segments([second(0, ["neutral"] * 10), second(1, ["neutral"] * 2 + ["fearful"] * 8)])
    assert shown(found) == [(0.0, 1.2, "neutral"), (1.2, 2.0, "fearful")]
    assert [each.confidence for each in found] == pytest.approx([0.9, 0.9])


def test_a_short_run_goes_to_the_neighbour_that_finds_it_more_probable() -> None:
    rows = (
        [posterior("neutral")] * 5
        + [(0.5, 0, 0.4, 0, 0.1, 0, 0, 0, 0)]
        + [posterior("fearful")] * 4
    )
    found = segments([Stretch(0, 1000, rows)])
    assert shown(found) == [(0.0, 0.5, "neutral"), (0.5, 1.0, "fearful")]


def test_what_is_alone_stays_however_short_it_is() -> None:
    assert shown(segments([Stretch(0, 100, [posterior("sad")])])) == [(0.0, 0.1, "sad")]


@pytest.mark.parametrize("between", [Stretch(1000, 2000, []), None])
def test_silence_and_gaps_end_a_segment(between: Stretch | None) -> None:
    stretches = [second(0, ["sad"] * 10), between, second(2, ["sad"] * 10)]
    found = segments([stretch for stretch in stretches if stretch is not None])
    assert shown(found) == [(0.0, 1.0, "sad"), (2.0, 3.0, "sad")]


@given(
    st.lists(
        st.lists(st.sampled_from([str(e) for e in EMOTIONS]), max_size=10), min_size=1, max_size=6
    ),
    st.sampled_from([0.0, 0.2, 0.3, 1.0]),
)
def test_segments_cover_the_seconds_with_a_matrix_exactly(
    names: list[list[str]], least_seconds: float
) -> None:
    found = segments(
        [second(number, row) for number, row in enumerate(names)], least_seconds=least_seconds
    )
    covered = sum(each.end_seconds - each.start_seconds for each in found)
    assert covered == pytest.approx(sum(bool(row) for row in names), abs=1e-6)
    for one, other in pairwise(found):
        assert one.end_seconds <= other.start_seconds
        if one.end_seconds == other.start_seconds:
            assert one.emotion != other.emotion
            assert one.end_seconds - one.start_seconds >= least_seconds - 1e-3
    assert all(0 < each.confidence <= 1 for each in found)
