"""One second of one track against every rule: the state changes, alerts fire and resolve."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tonewatch.alerting.engine._rules import CompiledRule, CompiledRules
from tonewatch.alerting.engine._seconds import Second, unheard
from tonewatch.alerting.engine._state import Firing, Run, TrackState, Transition
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import AlertState, Track

ONE_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How pauses and calm are judged, in whole seconds."""

    gap_tolerance: int = 1
    resolve_after: int = 3


def evaluate(
    rules: CompiledRules, track: Track, state: TrackState, second: Second, timing: Timing
) -> list[Transition]:
    """Let every rule look at the next second of the track.

    What lies between `state.next_seq` and the second is missing for good, and is unheard. Changes
    the state in place and returns what fired and what resolved.
    """
    transitions: list[Transition] = []
    missing = second.first - state.next_seq
    if missing > 0:
        state.pass_missing(state.next_seq, second.first - 1)
        transitions += _look(rules, track, state, unheard(state.next_seq, second.first - 1), timing)
    elif missing < 0:  # a stretch of which a part is known already
        second = replace(second, first=state.next_seq)
    return transitions + _look(rules, track, state, second, timing)


def _look(
    rules: CompiledRules, track: Track, state: TrackState, second: Second, timing: Timing
) -> list[Transition]:
    if second.captured_at is not None:
        state.heard_until = second.captured_at + ONE_SECOND
    transitions = list(_drop_orphans(rules, track, state))
    if second.probabilities is not None:
        for rule in rules.of(track.speaker):
            transitions += _hear(rule, track, state, second, timing)
    elif state.runs:
        for name in list(state.runs):
            transitions += _pause(name, state, second, timing)
    state.next_seq = second.last + 1
    if second.final:
        transitions += close_track(state)
    return transitions


def close_track(state: TrackState, at: datetime | None = None) -> list[Transition]:
    """Resolve whatever fires: the track is over."""
    transitions = [
        _resolve(name, run, at or state.heard_until or run.started_at)
        for name, run in state.runs.items()
        if run.firing is not None
    ]
    state.runs = {}
    state.ended = True
    return transitions


def _hear(
    rule: CompiledRule, track: Track, state: TrackState, second: Second, timing: Timing
) -> Iterator[Transition]:
    value = rule.measure(second.probabilities or ())
    run = state.runs.get(rule.name)
    if rule.holds(value):
        run = run or _begin(rule, state, second)
        run.held += 1
        run.last_seq = second.last
        run.value = max(run.value, value)
        run.quiet = run.below = 0
        if run.firing is None and run.held >= rule.needed_seconds:
            yield _fire(rule, track, run, _end_of(state, run))
    elif run is not None and run.firing is None:
        del state.runs[rule.name]
    elif run is not None:
        run.quiet = 0
        run.below += 1
        yield from _resolve_if_calm(rule.name, state, run, timing)


def _pause(name: str, state: TrackState, second: Second, timing: Timing) -> Iterator[Transition]:
    run = state.runs[name]
    run.quiet += second.seconds
    if run.quiet <= timing.gap_tolerance:
        return
    if run.firing is None:
        del state.runs[name]
    elif second.silent:
        run.below += 1
        yield from _resolve_if_calm(name, state, run, timing)


def _begin(rule: CompiledRule, state: TrackState, second: Second) -> Run:
    started_at = second.captured_at or state.heard_until
    if started_at is None:  # pragma: no cover - a heard second knows its time
        raise ValueError("a second with a posterior needs its time")
    run = Run(first_seq=second.first, last_seq=second.last, value=0.0, started_at=started_at)
    state.runs[rule.name] = run
    return run


def _fire(rule: CompiledRule, track: Track, run: Run, at: datetime) -> Transition:
    sign = "≥" if rule.inclusive else ">"
    condition = f"{' + '.join(rule.emotions)} {run.value:.2f} {sign} {rule.bound:g}"
    run.firing = Firing(
        alert_id=derived_id(rule.name, track.key, str(run.first_seq)),
        priority=rule.priority,
        channels=rule.channels,
        emotions=tuple(emotion.value for emotion in rule.emotions),
        threshold=rule.bound,
        message=rule.message or f"{rule.name}: {condition} ({run.held} s)",
    )
    return _transition(AlertState.FIRING, rule.name, run, run.firing, at)


def _resolve_if_calm(
    name: str, state: TrackState, run: Run, timing: Timing
) -> Iterator[Transition]:
    if run.below >= timing.resolve_after:
        del state.runs[name]
        yield _resolve(name, run, _end_of(state, run))


def _drop_orphans(rules: CompiledRules, track: Track, state: TrackState) -> Iterator[Transition]:
    """Runs of rules that were removed or disabled meanwhile: what fires is resolved."""
    if not state.runs.keys() <= rules.names_of(track.speaker):
        for name in state.runs.keys() - rules.names_of(track.speaker):
            run = state.runs.pop(name)
            if run.firing is not None:
                yield _resolve(name, run, _end_of(state, run))


def _end_of(state: TrackState, run: Run) -> datetime:
    return state.heard_until or run.started_at


def _resolve(name: str, run: Run, at: datetime) -> Transition:
    if run.firing is None:  # pragma: no cover - callers look first
        raise ValueError("only what fires can resolve")
    return _transition(AlertState.RESOLVED, name, run, run.firing, at)


def _transition(
    alert_state: AlertState, name: str, run: Run, facts: Firing, at: datetime
) -> Transition:
    return Transition(
        state=alert_state,
        rule=name,
        facts=facts,
        value=run.value,
        first_seq=run.first_seq,
        last_seq=run.last_seq,
        started_at=run.started_at,
        at=at,
    )
