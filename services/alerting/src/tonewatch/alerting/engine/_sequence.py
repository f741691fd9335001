"""Emotions that follow each other.

Each stage is a row of steps, as in a plain rule, that begins when the stage before it is complete.
A chain of stages is dated by its origin: the last moment at which the first stage was complete. Of
several chains the one with the latest origin is kept, for it has the most time left.

A mark of a stage is `[origin, held_ms, from_origin]`: the origin of the chain that has completed
it, how long its own row is, and the origin of the chain that this row goes on with; -1 for none.
"""

from typing import Final

from tonewatch.alerting.engine._judging import Moment
from tonewatch.alerting.engine._level import values_of
from tonewatch.alerting.engine._measure import Measured
from tonewatch.alerting.engine._rules import CompiledRule
from tonewatch.alerting.engine._state import Run

NONE: Final = -1
ORIGIN, HELD, FROM = 0, 1, 2
COARSE: Final = 10
"""Steps that a second without steps is looked at in."""


def judge_sequence(
    rule: CompiledRule, run: Run | None, now: Moment, measured: Measured
) -> Run | None:
    """Look at the steps of a second; returns the run that goes on, if any."""
    if run is None or (run.waits and run.firing is None):
        later = [column for each in rule.comparisons[1:] for column in each.columns]
        if not any(column in measured.holding for column in later):
            return _first_stage(rule, run, now, measured)
    stages = [values_of(comparison, measured) for comparison in rule.comparisons]
    last, edges = rule.comparisons[-1], now.edges
    if (
        len(stages[0]) == 1
    ):  # one posterior for all: a chain may still end, and another begin, inside
        stages = [values * COARSE for values in stages]
        edges = [edges[0] + (edges[1] - edges[0]) * n // COARSE for n in range(COARSE + 1)]
    for step, values in enumerate(zip(*stages, strict=True)):
        begin, end = edges[step], edges[step + 1]
        if run is not None and run.firing is not None:
            run = _firing(rule, run, now, values[-1], begin, end)
            continue
        run = run or _begin(rule, now, begin)
        run.quiet_ms = 0
        for number in reversed(range(len(values))):
            _look_at_stage(rule, run, now, number, values[number], begin, end)
        if run.marks[-1][ORIGIN] != NONE:
            run.start_ms = run.marks[-1][ORIGIN]
            run.started_at = now.world(run.start_ms)
            run.last_ms, run.value = end, values[-1]
            run.held_ms = run.marks[-1][HELD]
            now.fire(rule, run, end - (run.held_ms - last.needed_ms))
    return None if run is None else _alive(rule, run, now.end_ms)


def pause_sequence(rule: CompiledRule, run: Run, now_ms: int) -> Run | None:
    """A pause was too long: every row begins anew; what is complete stays."""
    for mark in run.marks:
        mark[HELD], mark[FROM] = 0, NONE
    return _alive(rule, run, now_ms)


def _begin(rule: CompiledRule, now: Moment, ms: int) -> Run:
    run = now.begin(rule, ms)
    run.marks = [[NONE, 0, NONE] for _ in rule.comparisons]
    run.waits = True
    return run


def _first_stage(
    rule: CompiledRule, run: Run | None, now: Moment, measured: Measured
) -> Run | None:
    """Nothing but the first stage holds: most of most calls."""
    comparison = rule.comparisons[0]
    values, edges = values_of(comparison, measured), now.edges
    run = run or _begin(rule, now, edges[0])
    run.quiet_ms = 0
    mark = run.marks[0]
    if min(values) > comparison.bound and now.may_begin(rule, edges[0]):
        mark[HELD] += edges[-1] - edges[0]
        if mark[HELD] >= comparison.needed_ms:
            mark[ORIGIN] = edges[-1]
    else:
        for step, value in enumerate(values):
            _look_at_stage(rule, run, now, 0, value, edges[step], edges[step + 1])
    return _alive(rule, run, now.end_ms)


def _look_at_stage(
    rule: CompiledRule, run: Run, now: Moment, number: int, value: float, begin: int, end: int
) -> None:
    """One step of one stage. The last stages are looked at first: a step counts for one stage."""
    comparison, mark = rule.comparisons[number], run.marks[number]
    if value <= comparison.bound:
        mark[HELD], mark[FROM] = 0, NONE
        return
    if number == 0:
        if not now.may_begin(rule, begin):
            return
        mark[HELD] += end - begin
        if mark[HELD] >= comparison.needed_ms:
            mark[ORIGIN] = end
        return
    if mark[FROM] == NONE or begin - mark[FROM] > rule.within_ms:
        mark[HELD], mark[FROM] = 0, run.marks[number - 1][ORIGIN]
        if mark[FROM] == NONE or begin - mark[FROM] > rule.within_ms:
            mark[FROM] = NONE
            return
    mark[HELD] += end - begin
    complete_at = end - (mark[HELD] - comparison.needed_ms)
    if mark[HELD] >= comparison.needed_ms and complete_at - mark[FROM] <= rule.within_ms:
        mark[ORIGIN] = max(mark[ORIGIN], mark[FROM])


def _firing(
    rule: CompiledRule, run: Run, now: Moment, value: float, begin: int, end: int
) -> Run | None:
    run.quiet_ms = 0
    if value > rule.calm_bound:
        run.below_ms = 0
        if value > rule.comparisons[-1].bound:
            run.last_ms, run.value = end, max(run.value, value)
        return run
    return None if now.calm(rule, run, end - begin, end) else run


def _alive(rule: CompiledRule, run: Run, now_ms: int) -> Run | None:
    if run.firing is not None:
        return run
    for mark in run.marks:
        if mark[ORIGIN] != NONE and now_ms - mark[ORIGIN] > rule.within_ms:
            mark[ORIGIN] = NONE
    begun = [mark[HELD] > 0 or mark[ORIGIN] != NONE for mark in run.marks]
    run.waits = not any(begun[1:])
    return run if any(begun) else None
