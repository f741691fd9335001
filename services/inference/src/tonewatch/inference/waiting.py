"""The frames of one lane that wait in hand: which go next, together, and which are too old.

Under overload one window answers for several seconds: frames that follow each other in a track form
a group, its last frame ends the window, and all of them get the window's posterior. So every second
of audio still lies in a window, and fewer windows are computed.
"""

from collections.abc import Callable, Iterable

from tonewatch.inference.frames import FrameJob

Group = list[FrameJob]
"""Frames of one track, one second after the other, that share a window."""

_Place = tuple[str, int]


class Waiting:
    """Frames in the order in which they are to be served."""

    def __init__(self) -> None:
        self._jobs: list[FrameJob] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, jobs: Iterable[FrameJob], *, first: bool = False) -> None:
        """Append frames, or put them before all others."""
        self._jobs = [*jobs, *self._jobs] if first else [*self._jobs, *jobs]

    def tracks(self) -> list[FrameJob]:
        """One waiting frame of each track."""
        return list({job.frame.track.key: job for job in self._jobs}.values())

    def oldest_ms(self) -> int | None:
        """When the oldest frame was published, by the broker's clock."""
        return min((job.published_ms for job in self._jobs), default=None)

    def shed(self, before_ms: int) -> list[FrameJob]:
        """Take out what was published before that moment."""
        old = [job for job in self._jobs if job.published_ms < before_ms]
        if old:
            self._jobs = [job for job in self._jobs if job.published_ms >= before_ms]
        return old

    def take(self, windows: int, hop: int, is_urgent: Callable[[FrameJob], bool]) -> list[Group]:
        """Groups of at most `hop` frames that need at most so many windows; urgent tracks first.

        Silence is a group of its own and needs no window.
        """
        order = self._jobs
        if len(order) > windows:
            order = sorted(order, key=lambda job: not is_urgent(job))
        by_place = {_place(job): job for job in order} if hop > 1 else {}
        taken: set[int] = set()
        groups: list[Group] = []
        for job in order:
            if id(job) in taken:
                continue
            if job.is_spoken and windows <= 0:
                break
            group = _group(job, hop, by_place, taken)
            taken.update(map(id, group))
            groups.append(group)
            windows -= job.is_spoken
        self._jobs = [job for job in self._jobs if id(job) not in taken]
        return groups

    def clear(self) -> None:
        """Forget all."""
        self._jobs.clear()


def _group(job: FrameJob, hop: int, by_place: dict[_Place, FrameJob], taken: set[int]) -> Group:
    """The frame and those that follow it at once, as long as somebody speaks."""
    group = [job]
    track, seq = _place(job)
    while job.is_spoken and len(group) < hop:
        following = by_place.get((track, seq + len(group)))
        if following is None or not following.is_spoken or id(following) in taken:
            break
        group.append(following)
    return group


def _place(job: FrameJob) -> _Place:
    return job.frame.track.key, job.frame.seq
