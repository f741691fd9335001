"""What a rules file would have told people of labelled calls: alerts right, missed, false, late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.alerting.engine import (
    Second,
    Timing,
    TrackState,
    Transition,
    close_track,
    compile_rules,
    evaluate,
)
from tonewatch.alerting.rules import Rule
from tonewatch.evaluation.calls import Call, Scored
from tonewatch.evaluation.intervals import Floats, Interval, generator, interval
from tonewatch.evaluation.labelled import Segment
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import AlertState, Speaker, Track

RESAMPLES: Final = 1000

_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
_SESSION: Final = "0" * 32
_TIMING: Final = Timing()  # as the alerting service has it unless it is told otherwise
_JOINED_SECONDS: Final = 1.0  # labels of one emotion closer than this are one stretch

Stretch = tuple[float, float]
"""Start and end, in seconds from the start of the call."""


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """What one rule would have done over all calls."""

    rule: str
    calls: int
    hours: float
    stretches: int
    """Labelled stretches of the rule's emotions that last long enough for it."""
    found: int
    """Stretches during which an alert fired, or that kept one going."""
    missed: int
    right: int
    """Alerts that fired in a stretch of the rule's emotions, or within a window after it."""
    false: int
    """All other alerts: what has no label counts as free of emotions."""
    false_per_hour: Interval
    """Its bounds come from drawing other calls, so with one call there are none."""
    mean_delay_seconds: float | None
    """From the start of a found stretch to its first alert."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one rule did in one call."""

    hours: float
    right: int
    false: int
    delays: tuple[float | None, ...]  # one per stretch; None: missed


def alert_figures(
    calls: Sequence[tuple[Call, Scored]], rules: Sequence[Rule], window_seconds: float
) -> list[AlertFigures]:
    """Lets the enabled rules run over calls; an alert may come a window after its stretch."""
    return [
        _figures(rule.name, [_outcome(rule, *each, window_seconds) for each in calls])
        for rule in rules
        if rule.enabled
    ]


def firings(rule: Rule, scored: Scored) -> list[Stretch]:
    """When alerts of the rule fire and resolve.

    The rule's `speaker` is not looked at: labels do not say who is the customer.
    """
    rules, state = compile_rules([rule]), TrackState()
    track = Track(session_id=_SESSION, speaker=rule.speaker or Speaker.MIXED)
    changes: list[Transition] = []
    for number, posterior in enumerate(scored):
        changes += evaluate(rules, track, state, _second(number, posterior), _TIMING)
    changes += close_track(state, _START + timedelta(seconds=len(scored)))
    times = {AlertState.FIRING: [], AlertState.RESOLVED: []}  # type: dict[AlertState, list[float]]
    for change in changes:
        times[change.state].append((change.at - _START).total_seconds())
    return list(zip(times[AlertState.FIRING], times[AlertState.RESOLVED], strict=True))


def _second(number: int, posterior: NDArray[np.float32] | None) -> Second:
    return Second(
        first=number,
        last=number,
        probabilities=None if posterior is None else tuple(map(float, posterior)),
        silent=posterior is None,
        captured_at=_START + timedelta(seconds=number),
    )


def _outcome(rule: Rule, call: Call, scored: Scored, window_seconds: float) -> _Outcome:
    (compiled,) = compile_rules([rule]).of(rule.speaker or Speaker.MIXED)
    fired = firings(rule, scored)
    stretches = _stretches(call.segments, compiled.emotions)
    right = sum(
        any(start <= at <= end + window_seconds for start, end in stretches) for at, _ in fired
    )
    return _Outcome(
        hours=len(scored) / 3600,
        right=right,
        false=len(fired) - right,
        delays=tuple(
            _delay(stretch, fired, window_seconds)
            for stretch in stretches
            if stretch[1] - stretch[0] >= compiled.needed_seconds
        ),
    )


def _delay(stretch: Stretch, fired: Iterable[Stretch], window_seconds: float) -> float | None:
    """From the start of a stretch to the first alert on it; None: missed.

    An alert that fired before counts, with no delay, if the stretch kept it going: in calm it would
    have resolved within a few seconds.
    """
    start, end = stretch
    for at, resolved in fired:
        if at < start and resolved > start + _TIMING.resolve_after:
            return 0.0
        if start <= at <= end + window_seconds:
            return at - start
    return None


def _figures(name: str, outcomes: Sequence[_Outcome]) -> AlertFigures:
    delays = [delay for each in outcomes for delay in each.delays]
    found = [delay for delay in delays if delay is not None]
    return AlertFigures(
        rule=name,
        calls=len(outcomes),
        hours=sum(each.hours for each in outcomes),
        stretches=len(delays),
        found=len(found),
        missed=len(delays) - len(found),
        right=sum(each.right for each in outcomes),
        false=sum(each.false for each in outcomes),
        false_per_hour=_per_hour(outcomes),
        mean_delay_seconds=float(np.mean(found)) if found else None,
    )


def _per_hour(outcomes: Sequence[_Outcome]) -> Interval:
    false: Floats = np.array([each.false for each in outcomes], dtype=np.float64)
    hours: Floats = np.array([each.hours for each in outcomes], dtype=np.float64)
    drawn = generator().integers(len(outcomes), size=(RESAMPLES, len(outcomes)))
    rates = false[drawn].sum(axis=1) / hours[drawn].sum(axis=1)
    return interval(float(false.sum() / hours.sum()), rates)


def _stretches(segments: Iterable[Segment], emotions: Sequence[Emotion]) -> list[Stretch]:
    """Where the call carries one of the emotions; segments that nearly touch are one stretch."""
    joined: list[Stretch] = []
    for segment in sorted(segments, key=lambda each: each.start_seconds):
        if segment.emotion not in emotions or segment.end_seconds is None:
            continue
        if joined and segment.start_seconds - joined[-1][1] < _JOINED_SECONDS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], segment.end_seconds))
        else:
            joined.append((segment.start_seconds, segment.end_seconds))
    return joined
