"""Why a rule fired, or did not: what it saw and where it stood, second by second.

The engine evaluates the track as ever; this only looks at the rule's run before and after.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from tonewatch.alerting.engine._call import UNKNOWN_CALL, Call
from tonewatch.alerting.engine._evaluate import close_track, evaluate
from tonewatch.alerting.engine._judging import Timing
from tonewatch.alerting.engine._level import rises_of, values_of
from tonewatch.alerting.engine._rules import CompiledRule, CompiledRules, Kind
from tonewatch.alerting.engine._seconds import SECOND_MS, Second
from tonewatch.alerting.engine._state import Run, TrackState, Transition, moment_of, world_ms
from tonewatch.shared.messages import AlertState, Track


class Standing(StrEnum):
    """Where a rule stands after a second."""

    IDLE = "idle"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedSecond:
    """One second as the rule saw it.

    `value` is the highest of the second's steps (of a sequence, by stages, the last stage's);
    `held_seconds` of `needed_seconds` say how far the condition has come. `standing` is where the
    rule stands at the end of the second, before the end of the track (if it comes) clears it.
    """

    seq: int
    value: float | None
    stage_values: tuple[float, ...] = ()
    standing: Standing
    held_seconds: float
    needed_seconds: float
    reason: str
    transitions: tuple[Transition, ...] = ()


def trace(
    rules: CompiledRules,
    track: Track,
    seconds: Iterable[Second],
    timing: Timing,
    call: Call = UNKNOWN_CALL,
) -> Iterator[TracedSecond]:
    """Follow the one rule of `rules` through the seconds of a track, in order."""
    (rule,) = rules.rules
    state = TrackState()
    for second in seconds:
        before = _standing(state, rule)
        values = _values(rules, rule, state, second)
        # the end comes after the second, so that it does not hide how far the rule had come
        said = evaluate(rules, track, state, replace(second, final=False), timing, call)
        run, after = state.runs.get(rule.name), _standing(state, rule)
        reason = _Why(rule, timing, state, second, before, run, values).text(after, said)
        ends = close_track(state) if second.final else []
        if second.final:
            reason += "; the track ends" + (", so it resolves" if ends else "")
        yield TracedSecond(
            seq=second.first,
            value=values[-1] if values else None,
            stage_values=values if rule.kind is Kind.SEQUENCE else (),
            standing=after,
            held_seconds=_held_ms(rule, run) / SECOND_MS,
            needed_seconds=_needed_ms(rule) / SECOND_MS,
            reason=reason,
            transitions=(*said, *ends),
        )


def _standing(state: TrackState, rule: CompiledRule) -> Standing:
    run = state.runs.get(rule.name)
    if run is None:
        return Standing.IDLE
    return Standing.FIRING if run.firing is not None else Standing.PENDING


def _held_ms(rule: CompiledRule, run: Run | None) -> int:
    if run is None:
        return 0
    if rule.kind is Kind.SEQUENCE and run.firing is None:
        return run.marks[-1][1]
    return run.held_ms


def _needed_ms(rule: CompiledRule) -> int:
    return rule.comparisons[-1].needed_ms if rule.kind is Kind.SEQUENCE else rule.needed_ms


def _values(
    rules: CompiledRules, rule: CompiledRule, state: TrackState, second: Second
) -> tuple[float, ...]:
    """What the rule compares, highest of the steps, for each of its comparisons."""
    if not second.heard or not rule.comparisons:
        return ()
    measured = rules.columns.of(second)
    if rule.baseline_ms:
        rises = rises_of(rule, state, measured)
        return () if rises is None else (max(rises),)
    return tuple(round(max(values_of(each, measured)), 6) for each in rule.comparisons)


@dataclass(frozen=True, slots=True)
class _Why:
    """What is known of one second; `before` is where the rule stood when it began."""

    rule: CompiledRule
    timing: Timing
    state: TrackState
    second: Second
    before: Standing
    run: Run | None
    values: tuple[float, ...]

    def text(self, after: Standing, said: list[Transition]) -> str:
        """The sentence of this second."""
        states = {each.state for each in said}
        if AlertState.FIRING in states:
            over = ", and resolves" if AlertState.RESOLVED in states else ""
            return f"fires: {self._condition()} for {self.rule.needed_seconds:g} s{over}"
        if AlertState.RESOLVED in states:
            return f"resolved: {self._calm()}"
        if after is Standing.FIRING:
            return self._still_firing()
        if after is Standing.PENDING:
            return self._pending()
        if self.before is Standing.PENDING:
            return f"starts again: {self._broken()}"
        return self._below() if self.second.heard else self._pause()

    def _condition(self) -> str:
        rule = self.rule
        if rule.kind is Kind.SILENCE:
            return "silent"
        if rule.kind is Kind.SEQUENCE:
            return "all stages followed each other; the last one"
        sign = "at least" if rule.inclusive else "above"
        own = " over the speaker's own mean" if rule.baseline_ms else ""
        return f"{self._value()} is {sign} {rule.threshold:g}{own}"

    def _value(self) -> str:
        return f"{self.values[-1]:.4g}" if self.values else "no value"

    def _below(self) -> str:
        """Why the condition does not hold in a second of speech."""
        rule = self.rule
        if rule.baseline_ms and not self.values:
            heard = self.state.baselines.get(rule.baseline_ms, [0.0])[-1]
            return (
                f"the speaker's own mean is not known yet: {heard / SECOND_MS:g} of "
                f"{rule.baseline_ms / SECOND_MS:g} s of speech"
            )
        if not rule.comparisons:
            return "somebody speaks"
        if self.values[-1] > rule.comparisons[-1].bound and rule.kind is not Kind.SEQUENCE:
            if not self._may_begin():
                return f"{self._condition()}, but outside the rule's active_time"
            return f"{self._condition()} in some steps only, which is not long enough in a row"
        if rule.kind is Kind.SEQUENCE:
            return self._stages()
        word = "less than" if rule.inclusive else "not above"
        own = " over the speaker's own mean" if rule.baseline_ms else ""
        return f"{self._value()} is {word} {rule.threshold:g}{own}"

    def _may_begin(self) -> bool:
        hours, at = self.rule.active_time, self.second.captured_at
        return hours is None or at is None or hours.contains(moment_of(world_ms(at)))

    def _stages(self) -> str:
        shown = [
            f"{'|'.join(each.emotions)} {value:.4g}{' holds' if value > each.bound else ''}"
            for each, value in zip(self.rule.comparisons, self.values, strict=True)
        ]
        return "stages: " + ", ".join(shown)

    def _pause(self) -> str:
        return "nobody speaks" if self.second.silent else "there is no score"

    def _pending(self) -> str:
        rule, run = self.rule, self.run
        if run is None:  # pragma: no cover - a pending rule has a run
            return ""
        if rule.kind is Kind.SEQUENCE:
            return self._stages() if self.second.heard else f"waits: {self._pause()}"
        progress = f"{run.held_ms / SECOND_MS:g} of {rule.needed_seconds:g} s"
        if rule.kind is Kind.SHARE:
            progress += f" of the last {rule.window_seconds} s"
        if self.second.heard or rule.kind is Kind.SILENCE:
            return f"not long enough yet: {progress}"
        tolerance = self.timing.tolerance_ms(rule) / SECOND_MS
        pause = f"{run.quiet_ms / SECOND_MS:g} of {tolerance:g} s of pause bridged"
        return f"{self._pause()}, {pause}; {progress}"

    def _broken(self) -> str:
        if self.second.heard:
            return self._below()
        if self.rule.kind is Kind.SHARE:
            return f"{self._pause()}, and nothing is left of the last {self.rule.window_seconds} s"
        tolerance = self.timing.tolerance_ms(self.rule) / SECOND_MS
        return f"{self._pause()} for longer than the {tolerance:g} s that a row bridges"

    def _calm(self) -> str:
        seconds = self.timing.resolve_ms(self.rule) / SECOND_MS
        if self.rule.kind is Kind.SILENCE:
            return "somebody speaks again"
        return f"{seconds:g} s of calm in a row"

    def _still_firing(self) -> str:
        run = self.run
        if run is None or run.below_ms == 0:
            return "still holds" if self.second.heard else f"{self._pause()}: that is no calm yet"
        needed = self.timing.resolve_ms(self.rule) / SECOND_MS
        return f"calm for {run.below_ms / SECOND_MS:g} of {needed:g} s"
