"""Runs a case through the engine, and says what came that should not, or did not that should."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tonewatch.alerting.cases._audio import seconds_of, utterances_of
from tonewatch.alerting.cases._model import Case, ExpectedAlert
from tonewatch.alerting.engine import (
    Call,
    CompiledRules,
    Standing,
    Timing,
    TracedSecond,
    TrackState,
    Transition,
    compile_rules,
    evaluate,
    evaluate_utterance,
    trace,
)
from tonewatch.alerting.rules import Problem, Rule, RulesError
from tonewatch.shared.messages import AlertState, Track

SESSION: Final = "case"
EXACTLY: Final = 0.051
"""Times are compared to the tenth of a second."""


@dataclass(frozen=True, slots=True)
class Got:
    """An alert as it came; times in seconds of the track."""

    rule: str
    fires_at_sec: float
    resolves_at_sec: float | None
    priority: str
    message: str

    def __str__(self) -> str:
        over = "" if self.resolves_at_sec is None else f", resolves at {self.resolves_at_sec:g} s"
        return f'"{self.rule}" fires at {self.fires_at_sec:g} s{over}'


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What was wrong with a case; nothing if it passed."""

    name: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all came as expected."""
        return not self.problems


def run_case(case: Case, rules: Iterable[Rule], timing: Timing) -> CaseResult:
    """Let the rules hear the case.

    Raises:
        RulesError: the case names a rule that there is not.
    """
    rules = tuple(rules)
    by_name = {rule.name: rule for rule in rules}
    for name in (*case.rules, *(each.rule for each in case.expect)):
        if name not in by_name:
            message = f'case "{case.name}": there is no rule "{name}"'
            raise RulesError([Problem("rules", 1, 1, "", message)])
    chosen = [by_name[name] for name in case.rules] or list(rules)
    got = sorted(_alerts(case, compile_rules(chosen), timing), key=_order)
    problems = []
    for expected in sorted(case.expect, key=_order):
        found = next((each for each in got if _matches(expected, each)), None)
        if found is None:
            problems.append(f"expected: {_shown(expected)}")
            problems += _closest(case, by_name[expected.rule], timing)
        else:
            got.remove(found)
    problems += [f"got:      {each}" for each in got]
    return CaseResult(case.name, tuple(problems))


def _alerts(case: Case, rules: CompiledRules, timing: Timing) -> list[Got]:
    said = _transitions(case, rules, timing)
    over = {each.facts.alert_id: each for each in said if each.state is AlertState.RESOLVED}
    return [
        Got(
            rule=fired.rule,
            fires_at_sec=_seconds(case, fired),
            resolves_at_sec=(
                _seconds(case, over[fired.facts.alert_id]) if fired.facts.alert_id in over else None
            ),
            priority=fired.facts.priority.value,
            message=fired.facts.message,
        )
        for fired in said
        if fired.state is AlertState.FIRING
    ]


def _transitions(case: Case, rules: CompiledRules, timing: Timing) -> list[Transition]:
    track = Track(session_id=SESSION, speaker=case.speaker)
    call = Call(case.source_id, case.labels)
    state, said = TrackState(), []
    seconds = list(seconds_of(case.ticks(), case.starts_at))
    # as in life, where an utterance is scored soon after its last second
    waiting = utterances_of(seconds, case.starts_at)
    for second in seconds:
        said += evaluate(rules, track, state, second, timing, call)
        ended_ms = 1000 * (second.last + 1)
        while waiting and (waiting[0].end_ms < ended_ms or second.final):
            said += evaluate_utterance(rules, track, state, waiting.pop(0), timing, call)
    return said


def _seconds(case: Case, transition: Transition) -> float:
    return round((transition.at - case.starts_at) / timedelta(seconds=1), 3)


def _order(alert: ExpectedAlert | Got) -> tuple[float, str]:
    return alert.fires_at_sec, alert.rule


def _matches(expected: ExpectedAlert, got: Got) -> bool:
    if expected.rule != got.rule or not _same_time(expected.fires_at_sec, got.fires_at_sec):
        return False
    if expected.resolves_at_sec is not None and not _same_time(
        expected.resolves_at_sec, got.resolves_at_sec
    ):
        return False
    if expected.priority is not None and expected.priority.value != got.priority:
        return False
    return expected.message is None or expected.message == got.message


def _same_time(expected: float, got: float | None) -> bool:
    return got is not None and abs(expected - got) < EXACTLY


def _shown(expected: ExpectedAlert) -> str:
    given = expected.model_dump(mode="json", exclude_none=True, exclude={"rule", "fires_at_sec"})
    more = "".join(f", {name} {value}" for name, value in given.items())
    return f'"{expected.rule}" fires at {expected.fires_at_sec:g} s{more}'


def _closest(case: Case, rule: Rule, timing: Timing) -> list[str]:
    """Where the rule came closest to firing, if it did not fire at all."""
    rules = compile_rules([rule])
    track = Track(session_id=SESSION, speaker=case.speaker)
    if not rules.rules or rule.name not in rules.choose(case.speaker, case.labels).names:
        return ["  it does not look at this call: enabled, speaker or match say so"]
    seconds = seconds_of(case.ticks(), case.starts_at)
    seen = list(trace(rules, track, seconds, timing, Call(case.source_id, case.labels)))
    if any(each.standing is Standing.FIRING or each.transitions for each in seen):
        return []
    best = max(seen, key=_closeness)
    return [f"  closest: second {best.seq}, {best.standing}: {best.reason}"]


def _closeness(second: TracedSecond) -> tuple[float, float]:
    return second.held_seconds, second.value if second.value is not None else -1.0
