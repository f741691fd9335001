"""Segments: stretches of one emotion, from the fine matrices of consecutive seconds.

    [0.0-1.2 s] neutral 0.90 -> [1.3-2.5 s] fearful 0.72

Each step belongs to its most probable label. Steps of one label that follow each other form a run;
a run shorter than `least_seconds` is no change of mood but a vowel, and goes to the neighbour that
finds its steps more probable. A second without a matrix (nobody spoke, or a gap) ends a segment.
The confidence of a segment is the mean probability of its label over its steps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from tonewatch.shared.emotions import EMOTIONS

Row = Sequence[float]
"""The nine probabilities of one step, in the order of `EMOTIONS`."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch; times in seconds from the start of the session."""

    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A second with its matrix: `rows` share the time from start to end evenly."""

    start_ms: int
    end_ms: int
    rows: Sequence[Row]


@dataclass(slots=True)
class _Step:
    start_ms: float
    end_ms: float
    row: Row
    label: int


def segments(stretches: Iterable[Stretch], *, least_seconds: float = 0.3) -> list[Segment]:
    """The segments of stretches in order; those that do not join are never in one segment."""
    found: list[Segment] = []
    for steps in _joined(stretches):
        runs = _absorb_short(_runs(steps), 1000 * least_seconds)
        found += [_segment(run) for run in runs]
    return found


def _joined(stretches: Iterable[Stretch]) -> Iterator[list[_Step]]:
    """The steps of stretches that follow each other without a break."""
    steps: list[_Step] = []
    for stretch in stretches:
        if steps and (not stretch.rows or stretch.start_ms != steps[-1].end_ms):
            yield steps
            steps = []
        steps += _steps(stretch)
    if steps:
        yield steps


def _steps(stretch: Stretch) -> list[_Step]:
    each_ms = (stretch.end_ms - stretch.start_ms) / max(1, len(stretch.rows))
    made = [
        _Step(stretch.start_ms + n * each_ms, stretch.start_ms + (n + 1) * each_ms, row, _peak(row))
        for n, row in enumerate(stretch.rows)
    ]
    if made:
        made[-1].end_ms = stretch.end_ms  # not a fraction beside it
    return made


def _peak(row: Row) -> int:
    return row.index(max(row))


def _runs(steps: list[_Step]) -> list[list[_Step]]:
    runs: list[list[_Step]] = []
    for step in steps:
        if runs and runs[-1][-1].label == step.label:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def _absorb_short(runs: list[list[_Step]], least_ms: float) -> list[list[_Step]]:
    """Give short runs to a neighbour, the shortest first, until none is short or one is left.

    A heap finds the shortest, for an hour of noise has tens of thousands.
    """
    left = dict(enumerate(runs))
    before = {n: n - 1 for n in left}
    after = {n: n + 1 for n in left}
    heap = [(_length_ms(run), n) for n, run in left.items()]
    heapify(heap)
    while len(left) > 1:
        length_ms, at = heappop(heap)
        if at not in left or _length_ms(left[at]) != length_ms:
            continue  # it has become part of another, or longer
        if length_ms >= least_ms:
            break
        short = left[at]
        neighbours = [n for n in (before[at], after[at]) if n in left]
        wins = max(neighbours, key=lambda n: sum(s.row[left[n][0].label] for s in short))
        label = left[wins][0].label
        for step in short:
            step.label = label
        for n in neighbours:
            if left[n][0].label == label:
                first, second = min(at, n), max(at, n)
                left[first] = left[first] + left.pop(second)
                after[first] = after[second]
                before[after[second]] = first
                at = first
        heappush(heap, (_length_ms(left[at]), at))
    return list(left.values())


def _length_ms(run: list[_Step]) -> float:
    return run[-1].end_ms - run[0].start_ms


def _segment(run: list[_Step]) -> Segment:
    label = run[0].label
    confidence = sum(step.row[label] for step in run) / len(run)
    start_seconds, end_seconds = run[0].start_ms / 1000, run[-1].end_ms / 1000
    return Segment(round(start_seconds, 3), round(end_seconds, 3), EMOTIONS[label], confidence)
