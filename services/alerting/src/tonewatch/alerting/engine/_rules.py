"""Rules made ready for a thousand evaluations per second: indexes instead of names."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tonewatch.alerting.rules import Rule
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.messages import Priority, Speaker

SUM_DIGITS = 9
"""Sums are compared after rounding: 0.1 + 0.7 is to be at least 0.8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """One rule: what is measured, what it is compared with, how many seconds it must hold."""

    name: str
    indexes: tuple[int, ...]
    emotions: tuple[Emotion, ...]
    bound: float
    inclusive: bool
    needed_seconds: int
    priority: Priority
    channels: tuple[str, ...]
    message: str | None

    def measure(self, probabilities: tuple[float, ...]) -> float:
        """The probability, or the sum, that the rule compares."""
        if len(self.indexes) == 1:
            return probabilities[self.indexes[0]]
        return round(sum(probabilities[index] for index in self.indexes), SUM_DIGITS)

    def holds(self, value: float) -> bool:
        """Whether the condition is true of a measured value."""
        return value >= self.bound if self.inclusive else value > self.bound


class CompiledRules:
    """The enabled rules by the speaker they apply to."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        enabled = [rule for rule in rules if rule.enabled]
        self._by_speaker = {
            speaker: tuple(_compile(rule) for rule in enabled if rule.speaker in {None, speaker})
            for speaker in Speaker
        }
        self._names = {
            speaker: frozenset(rule.name for rule in compiled)
            for speaker, compiled in self._by_speaker.items()
        }

    def of(self, speaker: Speaker) -> tuple[CompiledRule, ...]:
        """The rules that look at this speaker."""
        return self._by_speaker[speaker]

    def names_of(self, speaker: Speaker) -> frozenset[str]:
        """Their names."""
        return self._names[speaker]


def compile_rules(rules: Iterable[Rule]) -> CompiledRules:
    """Make rules ready; disabled ones are left out."""
    return CompiledRules(rules)


def _compile(rule: Rule) -> CompiledRule:
    combination = rule.combination
    if combination is not None:
        emotions, bound = combination.emotions, combination.min_sum
    elif rule.emotion is not None and rule.threshold is not None:
        emotions, bound = (rule.emotion,), rule.threshold
    else:  # pragma: no cover - the model refuses it
        raise ValueError(f"rule {rule.name} has no condition")
    return CompiledRule(
        name=rule.name,
        indexes=tuple(EMOTIONS.index(emotion) for emotion in emotions),
        emotions=emotions,
        bound=bound,
        inclusive=combination is not None,
        needed_seconds=math.ceil(rule.duration_sec),
        priority=rule.priority,
        channels=tuple(channel.value for channel in rule.channels),
        message=rule.message,
    )
