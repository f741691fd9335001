"""So many of the last seconds: what held is kept by whole second, as far back as the rule looks."""

from tonewatch.alerting.engine._judging import Moment
from tonewatch.alerting.engine._level import values_of
from tonewatch.alerting.engine._measure import Measured
from tonewatch.alerting.engine._rules import CompiledRule
from tonewatch.alerting.engine._seconds import SECOND_MS
from tonewatch.alerting.engine._state import Run


def judge_share(rule: CompiledRule, run: Run | None, now: Moment, measured: Measured) -> Run | None:
    """Look at the steps of a second; returns the run that goes on, if any."""
    comparison, edges = rule.comparisons[0], now.edges
    if run is not None:
        run = forget_old(rule, run, now.start_ms)
    for step, value in enumerate(values_of(comparison, measured)):
        begin, end = edges[step], edges[step + 1]
        holds = value > comparison.bound
        if holds and (run is not None or now.may_begin(rule, begin)):
            run = run or now.begin(rule, begin)
            _add(run, begin, end, value)
            if run.firing is None and run.held_ms >= rule.needed_ms:
                run.start_ms = run.marks[0][1]
                run.started_at = now.world(run.start_ms)
                now.fire(rule, run, end - (run.held_ms - rule.needed_ms))
        if run is None or run.firing is None:
            continue
        if holds or run.held_ms >= rule.needed_ms:
            run.below_ms = 0
        elif now.calm(rule, run, end - begin, end):
            run = None
    if run is not None:
        run.quiet_ms = 0
    return run


def forget_old(rule: CompiledRule, run: Run, now_ms: int) -> Run | None:
    """Leave out what lies before the rule's window; None if nothing is left that matters."""
    oldest = now_ms // SECOND_MS - rule.window_seconds + 1
    if run.marks and run.marks[0][0] < oldest:
        run.marks = [mark for mark in run.marks if mark[0] >= oldest]
        run.held_ms = sum(held for _, _, held in run.marks)
    return run if run.marks or run.firing is not None else None


def _add(run: Run, begin: int, end: int, value: float) -> None:
    second = begin // SECOND_MS
    if not run.marks or run.marks[-1][0] != second:
        run.marks.append([second, begin, 0])
    run.marks[-1][2] += end - begin
    run.held_ms += end - begin
    run.last_ms = end
    run.value = max(run.value, value)
