"""The last minutes of a track, whatever order and how often its seconds are told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tonewatch.console.live.ribbon import CODES, RIBBON_SECONDS, Ribbon

SECONDS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(sorted(CODES)), st.floats(0, 1)), max_size=60
)


def cells(public: dict[str, Any]) -> dict[int, tuple[str, str]]:
    codes, percents = public["codes"], public["percents"]
    assert len(percents) == 2 * len(codes)
    return {
        public["first_seq"] + index: (code, percents[2 * index : 2 * index + 2])
        for index, code in enumerate(codes)
        if code != "."
    }


@given(SECONDS)
def test_it_keeps_the_newest_seconds_and_nothing_else(
    seconds: list[tuple[int, str, float]],
) -> None:
    ribbon, expected = Ribbon(), {}
    for seq, emotion, confidence in seconds:
        ribbon.score(seq, emotion, confidence)
        expected[seq] = (CODES[emotion], f"{min(99, int(confidence * 100)):02d}")
    last = max(expected, default=-1)
    kept = {seq: cell for seq, cell in expected.items() if seq > last - RIBBON_SECONDS}
    # a second that was already too old when told is not kept, even if told again later
    assert cells(ribbon.public()) == kept
    assert ribbon.public()["last_seq"] == last


@given(SECONDS)
def test_telling_it_twice_changes_nothing(seconds: list[tuple[int, str, float]]) -> None:
    once, twice = Ribbon(), Ribbon()
    for told in seconds:
        once.score(*told)
        twice.score(*told)
        twice.score(*told)
    assert once.public() == twice.public()


def test_a_gap_is_shown_as_missing_seconds() -> None:
    ribbon = Ribbon()
    ribbon.score(0, "happy", 0.5)
    ribbon.gap(1, 3)
    ribbon.score(5, "no_speech", 0)
    public = ribbon.public()
    assert public["codes"] == "3xxx.-"
    assert public["percents"][:2] == "50"


def test_an_endless_gap_is_told_in_bounded_time() -> None:
    ribbon = Ribbon()
    ribbon.gap(0, 10**12)
    assert ribbon.public()["codes"] == "x" * RIBBON_SECONDS
