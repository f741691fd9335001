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
    assert all(300 <= (mark.end_ms or 0) - mark.start_ms <= 30_000 for mark in closed)


@given(st.lists(st.tuples(st.sampled_from("#."), st.integers(1, 200)), min_size=1, max_size=40))
def test_what_is_said_on_the_way_agrees_with_the_end(runs: list[tuple[str, int]]) -> None:
    """A mark keeps its number and its start; pauses of half a second, and only they, end it."""
    segmenter, told = Segmenter(), dict[int, UtteranceMark]()
    chunks = "".join(chunk * length for chunk, length in runs) + "." * 25
    for index, chunk in enumerate(chunks, start=1):
        segmenter.push(voiced=chunk == "#")
        for mark in segmenter.take_marks() if index % 50 == 0 or index == len(chunks) else ():
            before = told.get(mark.number)
            assert before is None or (before.start_ms, before.end_ms) == (mark.start_ms, None)
            told[mark.number] = mark
    for mark in told.values():
        assert mark.end_ms is not None
        spoken = chunks[mark.start_ms // 20 : mark.end_ms // 20]
        assert spoken[0] == spoken[-1] == "#"
        assert "." * 25 not in spoken
        pause = chunks[mark.end_ms // 20 :][:25]
        assert pause == "." * 25 or mark.end_ms - mark.start_ms > 29_000
