"""Utterances: where they begin and end, and when that is said."""

from hypothesis import given
from hypothesis import strategies as st

from tonewatch.ingest.audio import Segmenter
from tonewatch.shared.messages import UtteranceMark


def marks_per_second(chunks: str) -> list[list[tuple[int, int, int | None]]]:
    """Marks after every 50 chunks (a second); `#` is a voiced chunk of 20 ms."""
    segmenter, seconds = Segmenter(), []
    for index, chunk in enumerate(chunks, start=1):
        segmenter.push(voiced=chunk == "#")
        if index % 50 == 0:
            marks = segmenter.take_marks()
            seconds.append([(m.number, m.start_ms, m.end_ms) for m in marks])
    return seconds


def test_an_utterance_goes_on_until_a_pause_of_half_a_second() -> None:
    chunks = "." * 25 + "#" * 50 + "." * 24 + "#" * 36 + "." * 65
    assert marks_per_second(chunks) == [
        [(0, 500, None)],
        [(0, 500, None)],
        [(0, 500, None)],
        [(0, 500, 2700)],
    ]


def test_an_end_in_an_earlier_second_is_reported_when_it_is_known() -> None:
    chunks = "." * 20 + "#" * 20 + "." * 60
    assert marks_per_second(chunks) == [[(0, 400, None)], [(0, 400, 800)]]


def test_a_click_is_no_utterance() -> None:
    assert marks_per_second("#" * 14 + "." * 86) == [[], []]
    assert marks_per_second("#" * 15 + "." * 85) == [[(0, 0, 300)], []]


def test_a_speaker_who_never_pauses_is_cut_after_thirty_seconds() -> None:
    last = marks_per_second("#" * 50 * 31)[-2:]
    assert last == [[(0, 0, 30_000)], [(1, 30_000, None)]]


@given(st.text("#.", min_size=1, max_size=2000))
def test_utterances_are_numbered_and_never_overlap(chunks: str) -> None:
    segmenter = Segmenter()
    closed: list[UtteranceMark] = []
    for chunk in chunks:
        segmenter.push(voiced=chunk == "#")
    segmenter.close()
    closed = list(segmenter.take_marks())
    assert [mark.number for mark in closed] == list(range(len(closed)))
    edges = [edge for mark in closed for edge in (mark.start_ms, mark.end_ms or 0)]
    assert edges == sorted(edges)
    assert all((mark.end_ms or 0) - mark.start_ms >= 300 for mark in closed)
