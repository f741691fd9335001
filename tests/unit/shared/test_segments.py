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


def absorbed(rows: list[tuple[float, ...]], least_seconds: float) -> list[tuple[int, int]]:
    """Labels and lengths of runs as the module's first words have it, however long it takes."""
    labels = [row.index(max(row)) for row in rows]
    while True:
        runs: list[list[int]] = []
        for at, label in enumerate(labels):
            if runs and labels[runs[-1][0]] == label:
                runs[-1].append(at)
            else:
                runs.append([at])
        short = min(runs, key=len)
        if len(runs) == 1 or len(short) * 100 >= 1000 * least_seconds:
            return [(labels[run[0]], len(run)) for run in runs]
        place = runs.index(short)
        beside = [runs[n] for n in (place - 1, place + 1) if 0 <= n < len(runs)]
        best = max(beside, key=lambda run: sum(rows[at][labels[run[0]]] for at in short))
        for at in short:
            labels[at] = labels[best[0]]


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * len(EMOTIONS)), min_size=1, max_size=60),
    st.sampled_from([0.2, 0.3, 0.5]),
)
def test_short_runs_go_where_one_by_one_would_bring_them(
    rows: list[tuple[int, ...]], least_seconds: float
) -> None:
    exact = [tuple(map(float, row)) for row in rows]
    found = segments([Stretch(0, 100 * len(rows), exact)], least_seconds=least_seconds)
    lengths = [round(10 * (each.end_seconds - each.start_seconds)) for each in found]
    shown_labels = [EMOTIONS.index(each.emotion) for each in found]
    assert list(zip(shown_labels, lengths, strict=True)) == absorbed(exact, least_seconds)


def test_an_hour_of_noise_takes_no_longer_than_an_hour_of_speech() -> None:
    names = [str(emotion) for emotion in EMOTIONS]
    noise = [
        second(n, [names[(7 * n + step * step) % 9] for step in range(50)]) for n in range(600)
    ]
    found = segments(noise, least_seconds=5.0)
    assert sum(each.end_seconds - each.start_seconds for each in found) == pytest.approx(600)
