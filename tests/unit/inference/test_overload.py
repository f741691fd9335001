"""Overload answers in this order: a larger hop, then shedding; and it comes back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewatch.inference.overload import Overload


def overload(window_seconds: float = 3) -> Overload:
    return Overload(window_seconds, hop_after_seconds=2, shed_after_seconds=20)


@pytest.mark.parametrize(("age", "hop"), [(0, 1), (2, 1), (2.1, 2), (4, 2), (4.1, 3), (500, 3)])
def test_the_hop_grows_with_the_age(age: float, hop: int) -> None:
    assert overload().measured(age) == hop


def test_nothing_is_shed_before_the_hop_is_at_its_longest() -> None:
    state = overload()
    state.measured(3)
    assert (state.hop, state.give_up_seconds) == (2, math.inf)
    state.measured(5)
    assert (state.hop, state.give_up_seconds) == (3, 20)


def test_it_comes_back_at_half_the_age_that_raised_it() -> None:
    state = overload()
    state.measured(5)
    assert [state.measured(age) for age in (3, 2, 1.9, 1, 0.9)] == [3, 3, 2, 2, 1]


@pytest.mark.parametrize(("window_seconds", "longest"), [(1, 1), (1.9, 1), (2.5, 2), (10, 3)])
def test_a_hop_is_never_longer_than_the_window(window_seconds: float, longest: int) -> None:
    state = overload(window_seconds)
    assert state.measured(100) == longest
    assert state.give_up_seconds == 20


@given(st.lists(st.floats(0, 100)), st.floats(0, 100))
def test_a_hop_depends_on_the_past_only_within_the_hysteresis(
    ages: list[float], last: float
) -> None:
    state = overload()
    for age in ages:
        state.measured(age)
    fresh = overload().measured(last)
    assert fresh <= state.measured(last) <= overload().measured(2 * last + 0.1)
