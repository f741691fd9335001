"""One second of one track against every rule: the state changes, alerts fire and resolve."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from operator import add
from typing import Final

from tonewatch.alerting.engine._call import UNKNOWN_CALL, Call
from tonewatch.alerting.engine._judging import Moment, Timing
from tonewatch.alerting.engine._level import judge_level
from tonewatch.alerting.engine._measure import Measured
from tonewatch.alerting.engine._rules import Chosen, CompiledRule, CompiledRules, Kind
from tonewatch.alerting.engine._seconds import SECOND_MS, Second, unheard
from tonewatch.alerting.engine._sequence import judge_sequence, pause_sequence
from tonewatch.alerting.engine._share import forget_old, judge_share
from tonewatch.alerting.engine._state import Run, TrackState, Transition, transition, world_ms
from tonewatch.shared.messages import AlertState, Granularity, Track

Judge = Callable[[CompiledRule, Run | None, Moment, Measured], Run | None]

JUDGES: Final[dict[Kind, Judge]] = {
    Kind.LEVEL: judge_level,
    Kind.SHARE: judge_share,
    Kind.SEQUENCE: judge_sequence,
}


def evaluate(
    rules: CompiledRules,
    track: Track,
    state: TrackState,
    second: Second,
    timing: Timing,
    call: Call = UNKNOWN_CALL,
) -> list[Transition]:
    """Let every rule look at the next second of the track.

    What lies between `state.next_seq` and the second is missing for good, and is unheard. Changes
    the state in place and returns what fired and what resolved.
    """
    said: list[Transition] = []
    missing = second.first - state.next_seq
    if missing > 0:
        state.pass_missing(state.next_seq, second.first - 1)
        lost = unheard(state.next_seq, second.first - 1)
        said += _look(rules, track, state, lost, timing, call)
    elif missing < 0:  # a stretch of which a part is known already
        second = replace(second, first=state.next_seq)
    return said + _look(rules, track, state, second, timing, call)


def close_track(state: TrackState, at: datetime | None = None) -> list[Transition]:
    """Resolve whatever fires: the track is over."""
    transitions = [
        transition(
            AlertState.RESOLVED,
            name,
            run,
            run.firing,
            world_ms(at) if at is not None else state.heard_until or run.started_at,
        )
        for name, run in state.runs.items()
        if run.firing is not None
    ]
    state.runs = {}
    state.baselines = {}
    state.ended = True
    return transitions


def _look(
    rules: CompiledRules,
    track: Track,
    state: TrackState,
    second: Second,
    timing: Timing,
    call: Call,
) -> list[Transition]:
    chosen = rules.choose(track.speaker, call.labels)
    start_ms = SECOND_MS * second.first
    end_ms = SECOND_MS * second.last + second.duration_ms
    state.next_seq = second.last + 1
    if second.captured_at is not None:
        captured_ms = world_ms(second.captured_at)
        state.heard_until = captured_ms + second.duration_ms
        offset = captured_ms - start_ms
    else:
        offset = (state.heard_until or 0) - start_ms
    now = Moment(
        track=track,
        call=call,
        timing=timing,
        state=state,
        start_ms=start_ms,
        end_ms=end_ms,
        world_offset=offset,
    )
    if state.runs:
        drop_orphans(rules, chosen, now)
    if second.heard:
        _hear(rules, chosen, now, second)
    elif state.runs or (second.silent and chosen.silence):
        _pause(rules, chosen, now, second)
    if second.final:
        now.said += close_track(state)
    return now.said


def _hear(rules: CompiledRules, chosen: Chosen, now: Moment, second: Second) -> None:
    state, measured = now.state, rules.columns.of(second)
    wanted = {
        index
        for column in measured.holding
        for index in rules.of_column[column]
        if index in chosen.frames
    }
    for name in state.runs:
        rule = rules.by_name[name]
        if rule.granularity is Granularity.FRAME:
            wanted.add(rule.index)
    if wanted:
        steps, length = len(measured.values), second.duration_ms
        now.edges = [now.start_ms + length * step // steps for step in range(steps + 1)]
    for index in sorted(wanted):
        rule = rules.rules[index]
        run = state.runs.get(rule.name)
        if rule.kind is Kind.SILENCE:
            run = _speech_again(rule, run, now)
        else:
            run = JUDGES[rule.kind](rule, run, now, measured)
        keep(state, rule, run)
    if chosen.baselines:
        _learn(state, chosen.baselines, second)


def _learn(state: TrackState, lengths_ms: tuple[int, ...], second: Second) -> None:
    """Add a second of speech to the means of the speaker's first speech that are not complete."""
    own: list[float] = []
    for length_ms in lengths_ms:
        before = state.baselines.get(length_ms)
        if before is not None and before[-1] >= length_ms:
            continue
        if not own:
            rows, duration_ms = second.rows(), float(second.duration_ms)
            sums = rows.sum(axis=0, dtype=float) * (duration_ms / len(rows))
            own = [*sums.round(2).tolist(), duration_ms]
        together = own if before is None else map(add, before, own)
        state.baselines[length_ms] = [round(each, 2) for each in together]


def _pause(rules: CompiledRules, chosen: Chosen, now: Moment, second: Second) -> None:
    state, length_ms = now.state, now.end_ms - now.start_ms
    for name, run in list(state.runs.items()):
        rule = rules.by_name[name]
        if rule.kind is not Kind.SILENCE and rule.granularity is Granularity.FRAME:
            keep(state, rule, _paused(rule, run, now, length_ms, silent=second.silent))
    if second.silent:
        for rule in chosen.silence:
            keep(state, rule, _silent(rule, state.runs.get(rule.name), now, length_ms))


def _paused(
    rule: CompiledRule, run: Run, now: Moment, length_ms: int, *, silent: bool
) -> Run | None:
    run.quiet_ms += length_ms
    over = run.quiet_ms - now.timing.tolerance_ms(rule)
    if run.firing is not None:
        # unheard seconds are no calm: an alert must not resolve because a worker died
        if over <= 0 or not silent:
            return run
        return None if now.calm(rule, run, min(length_ms, over), now.end_ms) else run
    if rule.kind is Kind.SHARE:
        return forget_old(rule, run, now.end_ms)
    if over <= 0:
        return run
    return pause_sequence(rule, run, now.end_ms) if rule.kind is Kind.SEQUENCE else None


def _silent(rule: CompiledRule, run: Run | None, now: Moment, length_ms: int) -> Run | None:
    if run is None:
        if not now.may_begin(rule, now.start_ms):
            return None
        run = now.begin(rule, now.start_ms)
    run.held_ms += length_ms
    run.last_ms = now.end_ms
    run.value = run.held_ms / SECOND_MS
    run.below_ms = 0
    if run.firing is None and run.held_ms > rule.needed_ms:
        now.fire(rule, run, now.end_ms - (run.held_ms - rule.needed_ms))
    run.waits = run.firing is None  # every pause begins so: it is no news yet
    return run


def _speech_again(rule: CompiledRule, run: Run | None, now: Moment) -> Run | None:
    if run is None or run.firing is None:
        return None
    length_ms = now.end_ms - now.start_ms
    return None if now.calm(rule, run, length_ms, now.end_ms) else run


def keep(state: TrackState, rule: CompiledRule, run: Run | None) -> None:
    """Remember the run that goes on, or that there is none."""
    if run is not None:
        state.runs[rule.name] = run
    else:
        state.runs.pop(rule.name, None)


def drop_orphans(rules: CompiledRules, chosen: Chosen, now: Moment) -> None:
    """Runs of rules that were removed, disabled or made another kind: what fires is resolved."""
    runs = now.state.runs
    for name in list(runs):
        rule = rules.by_name.get(name)
        if rule is None or name not in chosen.names or rule.shape != runs[name].kind:
            now.resolve_now(name, runs.pop(name))
