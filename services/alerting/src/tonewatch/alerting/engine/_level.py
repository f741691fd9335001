"""A row of steps whose value is above the rule's bound; also `change`, against the own mean."""

import numpy as np

from tonewatch.alerting.engine._judging import Moment
from tonewatch.alerting.engine._measure import Measured
from tonewatch.alerting.engine._rules import Comparison, CompiledRule
from tonewatch.alerting.engine._state import Run, TrackState


def values_of(comparison: Comparison, measured: Measured) -> list[float]:
    """The value of each step: of several emotions, the most probable one's."""
    columns = comparison.columns
    values = measured.values
    if len(columns) == 1:
        single: list[float] = values[:, columns[0]].tolist()
        return single
    most: list[float] = values[:, columns].max(axis=1).tolist()
    return most


def judge_level(rule: CompiledRule, run: Run | None, now: Moment, measured: Measured) -> Run | None:
    """Look at the steps of a second; returns the run that goes on, if any."""
    comparison = rule.comparisons[0]
    if rule.baseline_ms:
        values = rises_of(rule, now.state, measured)
        if values is None:
            return run
    else:
        values = values_of(comparison, measured)
    edges = now.edges
    for step, value in enumerate(values):
        begin, end = edges[step], edges[step + 1]
        if value > comparison.bound:
            run = _hold(rule, run, now, value, begin, end)
        elif run is not None:
            run = _fall(rule, run, now, value, begin, end)
    return run


def _hold(
    rule: CompiledRule, run: Run | None, now: Moment, value: float, begin: int, end: int
) -> Run | None:
    if run is None:
        if not now.may_begin(rule, begin):
            return None
        run = now.begin(rule, begin)
    run.held_ms += end - begin
    run.last_ms = end
    run.value = max(run.value, value)
    run.quiet_ms = run.below_ms = 0
    if run.firing is None and run.held_ms >= rule.needed_ms:
        now.fire(rule, run, end - (run.held_ms - rule.needed_ms))
    return run


def _fall(
    rule: CompiledRule, run: Run, now: Moment, value: float, begin: int, end: int
) -> Run | None:
    run.quiet_ms = 0
    if run.firing is None:
        run.below_ms += end - begin
        return run if run.below_ms <= now.timing.dip_ms else None
    if value > rule.calm_bound:
        run.below_ms = 0
        return run
    return None if now.calm(rule, run, end - begin, end) else run


def rises_of(rule: CompiledRule, state: TrackState, measured: Measured) -> list[float] | None:
    """How far each step is above the speaker's mean; None before that is known."""
    sums = state.baselines.get(rule.baseline_ms)
    if sums is None or sums[-1] < rule.baseline_ms:
        return None
    means = np.array(sums[:-1]) / sums[-1]
    columns = rule.comparisons[0].columns
    own = [float(means @ measured.columns.weights(column)) for column in columns]
    rises: list[float] = (measured.values[:, columns] - own).max(axis=1).round(6).tolist()
    return rises
