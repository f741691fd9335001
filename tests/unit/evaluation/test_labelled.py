"""Labels are taken in or refused with a reason; nothing is refused twice."""

from pathlib import Path

import pytest

from tonewatch.evaluation.labelled import Listing, Problem
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError

HERE = Path(__file__)


def test_problems_stand_in_the_order_of_their_lines() -> None:
    listing = Listing()
    for place in ("b.csv:2", "a.csv:10", "a.csv:9", "a.csv"):
        listing.refuse(place, "mistake")
    assert [each.place for each in listing.in_order()] == [
        "a.csv",
        "a.csv:9",
        "a.csv:10",
        "b.csv:2",
    ]


def test_a_mistake_is_noted_once() -> None:
    listing = Listing()
    for _ in range(3):  # as by three scenes
        listing.refuse("a.csv:2", "cannot be read")
    assert listing.problems == [Problem("a.csv:2", "cannot be read")]


@pytest.mark.parametrize(
    "times",
    [(float("nan"), 1.0), (0.0, float("nan")), (0.0, float("inf")), (-1.0, 1.0), (2.0, 2.0)],
)
def test_times_that_are_none_are_refused(times: tuple[float, float]) -> None:
    listing = Listing()
    listing.label("a.csv:2", "angry", HERE, times=times)
    assert not listing.segments
    assert [each.place for each in listing.problems] == ["a.csv:2"]


def test_segments_of_other_voices_may_overlap() -> None:
    listing = Listing()
    for channel, speaker in ((1, ""), (2, ""), (None, "a"), (None, "b")):
        place = f"a.csv:{channel}{speaker}"
        listing.label(place, "angry", HERE, times=(0, 2), channel=channel, speaker=speaker)
    listing.label("a.csv:9", "sad", HERE, times=(1, 3), channel=2)
    listing.check("a.csv")
    assert [str(each) for each in listing.problems if "overlaps" in each.message] == [
        "a.csv:9: overlaps the segment of a.csv:2"
    ]
    assert len(listing.segments) == 4


def test_segments_that_touch_do_not_overlap() -> None:
    listing = Listing()
    listing.label("a.csv:2", "angry", HERE, times=(0, 2))
    listing.label("a.csv:3", "sad", HERE, times=(2, 3))
    listing.check("a.csv")
    assert not listing.problems


def test_a_file_that_is_listed_twice_overlaps_itself() -> None:
    listing = Listing()
    listing.label("a.csv:2", "angry", HERE)
    listing.label("a.csv:3", "sad", HERE)
    listing.label("a.csv:4", "sad", HERE.parent / "stubs.py")
    listing.check("a.csv")
    assert [each.emotion for each in listing.segments] == [Emotion.ANGRY, Emotion.SAD]
    assert [each.place for each in listing.problems] == ["a.csv:3"]


def test_without_any_label_all_mistakes_are_told() -> None:
    listing = Listing()
    listing.label("a.csv:2", "grumpy", HERE)
    listing.label("a.csv:3", "sad", HERE / "gone")
    with pytest.raises(InvalidInputError, match=r"(?s)grumpy.*gone.*no label that can be used"):
        listing.check("a.csv")
