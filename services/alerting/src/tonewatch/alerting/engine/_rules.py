"""Rules made ready for thousands of evaluations per second: columns instead of names."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from tonewatch.alerting.engine._measure import Columns
from tonewatch.alerting.rules import (
    ActiveTime,
    BothLanguages,
    Matcher,
    NoDataKind,
    Rule,
    all_match,
    parse_matcher,
)
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import (
    AlertAction,
    Escalation,
    Granularity,
    NoticePolicy,
    Priority,
    Speaker,
)

MAX_CHOICES: Final = 4096
"""Remembered choices of rules, one per speaker and set of labels."""


class Kind(Enum):
    """How a rule is judged."""

    LEVEL = auto()  # emotion, combination, change: a row of steps that hold
    SHARE = auto()  # so many of the last seconds
    SEQUENCE = auto()
    SILENCE = auto()
    STREAM_DOWN = auto()
    INFERENCE_LAG = auto()


_NO_DATA: Final = {
    NoDataKind.SILENCE: Kind.SILENCE,
    NoDataKind.STREAM_DOWN: Kind.STREAM_DOWN,
    NoDataKind.INFERENCE_LAG: Kind.INFERENCE_LAG,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Columns of which any may hold, and for how long one must."""

    columns: tuple[int, ...]
    emotions: tuple[Emotion, ...]
    threshold: float
    """As it was written."""
    bound: float
    """What a value must exceed."""
    needed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """One rule; what it compares is `comparisons` (several for the stages of a sequence).

    Where the rule says nothing of pauses (`tolerance_ms`) or calm (`resolve_ms`), they are None.
    """

    index: int
    name: str
    kind: Kind
    shape: str
    """What a run must be like to be this rule's; a reload may change it."""
    comparisons: tuple[Comparison, ...]
    inclusive: bool
    is_sum: bool
    calm_bound: float
    """A firing alert is calm in steps whose value does not exceed this."""
    tolerance_ms: int | None
    resolve_ms: int | None
    needed_ms: int
    window_seconds: int
    within_ms: int
    baseline_ms: int
    speaker: Speaker | None
    granularity: Granularity
    matchers: tuple[Matcher, ...]
    active_time: ActiveTime | None
    priority: Priority
    channels: tuple[str, ...]
    action: AlertAction
    notice: NoticePolicy
    message: str | BothLanguages | None

    @property
    def emotions(self) -> tuple[Emotion, ...]:
        """All that it speaks of, in the order of the rule."""
        return tuple(dict.fromkeys(e for each in self.comparisons for e in each.emotions))

    @property
    def threshold(self) -> float:
        """What is shown beside the value: of a sequence, the last stage's."""
        return self.comparisons[-1].threshold if self.comparisons else self.needed_seconds

    @property
    def needed_seconds(self) -> float:
        """How long the condition must hold."""
        return self.needed_ms / 1000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules that apply to one track."""

    names: frozenset[str]
    frames: frozenset[int]
    """Those that look at seconds with a posterior."""
    silence: tuple[CompiledRule, ...]
    utterances: tuple[CompiledRule, ...]
    stream_down: tuple[CompiledRule, ...]
    baselines: tuple[int, ...]
    """Lengths in milliseconds, shortest first."""


class CompiledRules:
    """The enabled rules, and which of them apply to whom."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.columns = Columns()
        enabled = [rule for rule in rules if rule.enabled]
        self.rules = tuple(_compile(i, rule, self.columns) for i, rule in enumerate(enabled))
        self.columns.close()
        self.by_name = {rule.name: rule for rule in self.rules}
        self.of_column = self._by_column()
        self._labelled = any(rule.matchers for rule in self.rules)
        self._chosen: dict[tuple[Speaker, tuple[tuple[str, str], ...]], Chosen] = {}

    def of(self, speaker: Speaker) -> tuple[CompiledRule, ...]:
        """The rules that look at this speaker, whatever the labels."""
        return tuple(rule for rule in self.rules if rule.speaker in {None, speaker})

    def of_kind(self, kind: Kind) -> tuple[CompiledRule, ...]:
        """The rules that are judged so."""
        return tuple(rule for rule in self.rules if rule.kind is kind)

    def choose(self, speaker: Speaker, labels: Mapping[str, str]) -> Chosen:
        """The rules for a track; labels are compared once, and the answer is remembered."""
        key = (speaker, tuple(sorted(labels.items())) if self._labelled else ())
        chosen = self._chosen.get(key)
        if chosen is None:
            if len(self._chosen) >= MAX_CHOICES:
                self._chosen.clear()
            chosen = self._chosen[key] = self._choose(speaker, labels)
        return chosen

    def _choose(self, speaker: Speaker, labels: Mapping[str, str]) -> Chosen:
        found = [rule for rule in self.of(speaker) if all_match(rule.matchers, labels)]
        frames = [
            rule for rule in found if rule.comparisons and rule.granularity is Granularity.FRAME
        ]
        return Chosen(
            names=frozenset(rule.name for rule in found),
            frames=frozenset(rule.index for rule in frames),
            silence=tuple(rule for rule in found if rule.kind is Kind.SILENCE),
            utterances=tuple(rule for rule in found if rule.granularity is Granularity.UTTERANCE),
            stream_down=tuple(rule for rule in found if rule.kind is Kind.STREAM_DOWN),
            baselines=tuple(sorted({rule.baseline_ms for rule in frames if rule.baseline_ms})),
        )

    def _by_column(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for rule in self.rules:
            for column in {c for each in rule.comparisons for c in each.columns}:
                found.setdefault(column, []).append(rule.index)
        return {column: tuple(indexes) for column, indexes in found.items()}


def compile_rules(rules: Iterable[Rule]) -> CompiledRules:
    """Make rules ready; disabled ones are left out."""
    return CompiledRules(rules)


def _compile(index: int, rule: Rule, columns: Columns) -> CompiledRule:
    comparisons = _comparisons(rule, columns)
    no_data, share, level = rule.no_data, rule.share, rule.resolve.level
    needed_sec = rule.duration_sec
    if no_data is not None:
        needed_sec = no_data.longer_than_sec
    elif share is not None:
        needed_sec = share.at_least_sec
    if level is None:
        level = comparisons[-1].bound if comparisons else 0.0
    return CompiledRule(
        index=index,
        name=rule.name,
        kind=_kind(rule),
        shape=_shape(rule),
        comparisons=comparisons,
        inclusive=rule.combination is not None,
        is_sum=rule.combination is not None,
        calm_bound=level,
        tolerance_ms=_optional_ms(rule.gap_tolerance_sec),
        resolve_ms=_optional_ms(rule.resolve.after_sec),
        needed_ms=_ms(needed_sec),
        window_seconds=0 if share is None else share.of_last_sec,
        within_ms=0 if rule.sequence is None else _ms(rule.sequence.within_sec),
        baseline_ms=0 if rule.change is None else _ms(rule.change.baseline_sec),
        speaker=rule.speaker,
        granularity=rule.granularity,
        matchers=tuple(parse_matcher(text) for text in rule.match),
        active_time=rule.active_time,
        priority=rule.priority,
        channels=tuple(map(str, rule.channels)),
        action=rule.action,
        notice=_notice(rule),
        message=rule.message,
    )


def _comparisons(rule: Rule, columns: Columns) -> tuple[Comparison, ...]:
    needed_ms = _ms(rule.duration_sec)

    def any_of(emotions: tuple[Emotion, ...], bound: float, needed_ms: int) -> Comparison:
        found = tuple(columns.add({emotion: 1.0}, bound) for emotion in emotions)
        return Comparison(found, emotions, bound, bound, needed_ms)

    if rule.combination is not None:
        combination = rule.combination
        weights = {e: combination.weights.get(e, 1.0) for e in combination.emotions}
        bound = math.nextafter(combination.min_sum, 0)  # at least is more than a trifle less
        column = columns.add(weights, bound)
        sums = (combination.emotions, combination.min_sum, bound, needed_ms)
        return (Comparison((column,), *sums),)
    if rule.sequence is not None:
        return tuple(
            any_of(stage.emotion, stage.threshold, _ms(stage.duration_sec))
            for stage in rule.sequence.stages
        )
    if rule.change is not None:  # no probability can rise so far unless it is above the rise
        return (any_of(rule.change.emotion, rule.change.rise, needed_ms),)
    if rule.emotion is not None and rule.threshold is not None:
        return (any_of(rule.emotion, rule.threshold, needed_ms),)
    return ()


def _kind(rule: Rule) -> Kind:
    if rule.no_data is not None:
        return _NO_DATA[rule.no_data.kind]
    if rule.sequence is not None:
        return Kind.SEQUENCE
    return Kind.LEVEL if rule.share is None else Kind.SHARE


def _shape(rule: Rule) -> str:
    if rule.sequence is not None:
        return f"SEQUENCE{len(rule.sequence.stages)}"
    return "UTTERANCE" if rule.granularity is Granularity.UTTERANCE else _kind(rule).name


def _notice(rule: Rule) -> NoticePolicy:
    return NoticePolicy(
        cooldown_seconds=rule.cooldown_sec,
        repeat_seconds=rule.repeat_interval_sec,
        expires_seconds=rule.expires_after_sec,
        escalate=tuple(
            Escalation(after_seconds=step.after_sec, channels=tuple(map(str, step.channels)))
            for step in rule.escalate
        ),
    )


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _optional_ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
