"""Which frames go next: urgent tracks first, in groups under overload, none twice, none lost."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import job_of
from tonewatch.inference.frames import FrameJob
from tonewatch.inference.waiting import Group, Waiting

PCM = b"\0\0"


def job(seq: int, track: str = "a", *, is_spoken: bool = True, ms: int = 0) -> FrameJob:
    return job_of(seq, track, PCM, is_spoken=is_spoken, published_ms=ms)


def waiting(*jobs: FrameJob) -> Waiting:
    made = Waiting()
    made.add(jobs)
    return made


def calm(_: FrameJob) -> bool:
    return False


def places(groups: list[Group]) -> list[list[tuple[str, int]]]:
    return [[(job.frame.session_id, job.frame.seq) for job in group] for group in groups]


def test_without_overload_every_frame_has_a_window_of_its_own() -> None:
    groups = waiting(job(0), job(1), job(0, "b")).take(9, 1, calm)
    assert places(groups) == [[("a", 0)], [("a", 1)], [("b", 0)]]


def test_a_hop_of_two_pairs_the_seconds_of_a_track() -> None:
    held = waiting(job(0), job(0, "b"), job(1), job(1, "b"), job(2))
    groups = held.take(9, 2, calm)
    assert places(groups) == [[("a", 0), ("a", 1)], [("b", 0), ("b", 1)], [("a", 2)]]


def test_a_group_ends_where_a_second_is_missing_or_silent() -> None:
    held = waiting(job(0), job(2), job(3, is_spoken=False), job(4))
    assert places(held.take(9, 3, calm)) == [[("a", 0)], [("a", 2)], [("a", 3)], [("a", 4)]]


def test_silence_needs_no_window() -> None:
    held = waiting(job(0, is_spoken=False), job(1), job(2, is_spoken=False), job(3))
    assert places(held.take(1, 1, calm)) == [[("a", 0)], [("a", 1)], [("a", 2)]]
    assert len(held) == 1


def test_tracks_with_an_alert_go_first_in_a_backlog() -> None:
    held = waiting(job(0), job(0, "b"), job(0, "c"), job(1, "c"))
    groups = held.take(2, 1, lambda job: job.frame.session_id == "c")
    assert places(groups) == [[("c", 0)], [("c", 1)]]
    assert places(held.take(9, 1, calm)) == [[("a", 0)], [("b", 0)]]


def test_the_old_are_shed_and_only_they() -> None:
    held = waiting(job(0, ms=100), job(1, ms=200), job(2, ms=300))
    assert held.oldest_ms() == 100
    assert [each.frame.seq for each in held.shed(before_ms=200)] == [0]
    assert held.oldest_ms() == 200
    assert len(held) == 2


@given(
    seconds=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30),
    windows=st.integers(1, 8),
    hop=st.integers(1, 3),
    urgent=st.sets(st.sampled_from("abc")),
)
def test_every_frame_is_taken_once_within_the_limits(
    seconds: list[tuple[str, bool]], windows: int, hop: int, urgent: set[str]
) -> None:
    counts = dict.fromkeys("abc", -1)
    jobs = []
    for track, is_spoken in seconds:
        counts[track] += 1
        jobs.append(job(counts[track], track, is_spoken=is_spoken))
    held = waiting(*jobs)
    taken: list[FrameJob] = []
    while len(held):
        groups = held.take(windows, hop, lambda job: job.frame.session_id in urgent)
        assert len(groups) > 0
        assert sum(group[-1].is_spoken for group in groups) <= windows
        for group in groups:
            first = group[0].frame
            assert len(group) <= hop
            assert [j.frame.seq for j in group] == list(range(first.seq, first.seq + len(group)))
            assert {j.frame.session_id for j in group} == {first.session_id}
            assert len(group) == 1 or all(j.is_spoken for j in group)
            taken += group
    assert sorted(map(id, taken)) == sorted(map(id, jobs))
