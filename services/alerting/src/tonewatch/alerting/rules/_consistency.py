"""Keys of one rule that do not go together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tonewatch.alerting.rules._conditions import NoDataKind
from tonewatch.shared.messages import Granularity

if TYPE_CHECKING:
    from tonewatch.alerting.rules._model import Rule

CONDITIONS: Final = ("emotion", "combination", "sequence", "change", "no_data")
ONE_OF: Final = "`emotion`, `combination`, `sequence`, `change` or `no_data`"

MAX_DOWN_SECONDS: Final = 900

Mistake = tuple[str, str]
"""Field, and what is wrong with it."""

_GOES_WITH: Final = {
    "threshold": {"emotion"},
    "duration_sec": {"emotion", "combination", "change"},
    "gap_tolerance_sec": {"emotion", "combination", "change", "sequence"},
    "share": {"emotion", "combination"},
    "granularity": {"emotion", "combination"},
}
_INSTEAD: Final = {
    "threshold": "it has a bound of its own",
    "duration_sec": "it has times of its own",
    "gap_tolerance_sec": "pauses are what it waits for",
    "share": "use it with `emotion` or `combination`",
    "granularity": "it looks at seconds; leave `granularity` out",
}


def check_consistency(rule: "Rule") -> Iterator[Mistake]:
    """What contradicts itself, the clearest first."""
    given = [name for name in CONDITIONS if getattr(rule, name) is not None]
    if len(given) != 1:
        field = given[1] if given else "emotion"
        yield field, f"a rule has one condition: {ONE_OF}"
        return
    (condition,) = given
    if condition == "emotion" and rule.threshold is None:
        yield "threshold", "a rule with `emotion` needs a `threshold`"
    for field, conditions in _GOES_WITH.items():
        if condition not in conditions and _is_given(rule, field):
            yield field, f"does not go with `{condition}`: {_INSTEAD[field]}"
    yield from _share_and_utterances(rule)
    yield from _no_data(rule)
    yield from _resolve_level(rule, condition)
    yield from _notices(rule)


def _is_given(rule: "Rule", field: str) -> bool:
    """Whether a key says something: what a program writes out in full may repeat defaults."""
    if field not in rule.model_fields_set:
        return False
    return bool(getattr(rule, field) != type(rule).model_fields[field].default)


def _share_and_utterances(rule: "Rule") -> Iterator[Mistake]:
    if rule.share is not None and _is_given(rule, "duration_sec"):
        yield "duration_sec", "does not go with `share`, which says how long instead"
    if rule.granularity is Granularity.UTTERANCE:
        if rule.share is not None:
            yield "share", "does not go with `granularity: utterance`"
        if rule.gap_tolerance_sec is not None:
            yield "gap_tolerance_sec", "does not go with utterances: pauses lie between them"


def _no_data(rule: "Rule") -> Iterator[Mistake]:
    if rule.no_data is None or rule.no_data.kind is NoDataKind.SILENCE:
        return
    kind = rule.no_data.kind
    if rule.speaker is not None:
        yield "speaker", f"does not go with `{kind}`, which concerns all voices"
    if _is_given(rule, "resolve"):
        yield "resolve", f"does not go with `{kind}`, which is over when data comes again"
    if kind is NoDataKind.STREAM_DOWN and rule.no_data.longer_than_sec > MAX_DOWN_SECONDS:
        why = "is too long: how a session ended is known for half an hour"
        yield "no_data.longer_than_sec", f"{why}; use at most {MAX_DOWN_SECONDS}"
    if kind is NoDataKind.INFERENCE_LAG and rule.match:
        yield "match", f"does not go with `{kind}`, which concerns all calls"


def _resolve_level(rule: "Rule", condition: str) -> Iterator[Mistake]:
    level = rule.resolve.level
    if level is None:
        return
    bound, name = _bound(rule)
    if bound is None or rule.share is not None:
        key = "share" if rule.share is not None else condition
        yield "resolve.level", f"does not go with `{key}`; use `after_sec` alone"
    elif level > bound:
        why = f"is above {name} ({bound:g}), so it would resolve while it holds"
        yield "resolve.level", f"{why}; use at most {bound:g}"


def _bound(rule: "Rule") -> tuple[float | None, str]:
    if rule.combination is not None:
        return rule.combination.min_sum, "min_sum"
    if rule.change is not None:
        return rule.change.rise, "rise"
    if rule.sequence is not None:
        return rule.sequence.stages[-1].threshold, "the last stage's threshold"
    return rule.threshold, "threshold"


def _notices(rule: "Rule") -> Iterator[Mistake]:
    times = [step.after_sec for step in rule.escalate]
    if times != sorted(set(times)):
        yield "escalate", "the steps' `after_sec` must rise from one to the next"
    repeat, expires = rule.repeat_interval_sec, rule.expires_after_sec
    if repeat is not None and repeat < rule.cooldown_sec:
        why = f"is shorter than cooldown_sec ({rule.cooldown_sec:g}), which would hold it back"
        yield "repeat_interval_sec", f"{why}; use at least {rule.cooldown_sec:g}"
    if expires is not None and times and times[-1] >= expires:
        yield (
            "expires_after_sec",
            f"is not longer than the last escalation ({times[-1]:g} s), which would never be sent",
        )
