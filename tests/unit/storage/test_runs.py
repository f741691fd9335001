"""Segments by joining runs are those of all seconds at once, in any order and any parts."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tonewatch.storage.rollups._runs import Run, changes, joined

Heard = st.lists(st.sampled_from(["angry", "sad", None]), max_size=30)


def _second(seq: int, emotion: str) -> Run:
    return Run(
        *("call-1", "mixed", emotion, seq, seq, "s", None, None, seq),
        *(1000 * seq, 1000 * seq + 1000, 0.5, 0.5 + seq / 100),
    )


@given(Heard, st.randoms(use_true_random=False), st.integers(1, 7))
def test_parts_lead_to_the_same_as_the_whole(
    heard: list[str | None], chance: Random, size: int
) -> None:
    seconds = [_second(seq, emotion) for seq, emotion in enumerate(heard) if emotion]
    whole = joined(seconds)
    chance.shuffle(seconds)
    kept: dict[int, Run] = {}
    for at in range(0, len(seconds), size):
        new = joined(seconds[at : at + size])
        written, removed = changes(kept.values(), new)
        for run in removed:
            del kept[run.first_seq]
        kept |= {run.first_seq: run for run in written}
    assert [kept[seq] for seq in sorted(kept)] == whole
    for before, after in pairwise(whole):
        assert before.last_seq < after.first_seq
        assert before.last_seq + 1 < after.first_seq or before.emotion != after.emotion


def test_what_does_not_change_is_not_written_again() -> None:
    kept = joined([_second(0, "sad"), _second(1, "sad"), _second(3, "angry")])
    written, removed = changes(kept, [_second(2, "angry")])
    assert [(run.first_seq, run.last_seq) for run in written] == [(2, 3)]
    assert [run.first_seq for run in removed] == [3]
