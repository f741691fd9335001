"""Matchers on labels, written as Prometheus and Alertmanager write them.

Regular expressions are RE2's: their time is linear in the text, so none can explode; they match the
whole value. A label that a call does not have is the empty text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import re2

from tonewatch.alerting.rules._fields import mistake

MAX_PATTERN: Final = 256
_MATCHER: Final = re.compile(r"\s*([\w.-]{1,64})\s*(=~|!~|!=|==|=)\s*(.*)", re.DOTALL)
_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20

Operator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of a label."""

    label: str
    operator: Operator
    value: str
    _matches: Callable[[str], bool]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels pass."""
        return self._matches(labels.get(self.label, ""))


def parse_matcher(text: str) -> Matcher:
    """A matcher from its text, such as `queue=vip` or `agent_id =~ "7.*"`.

    Raises:
        PydanticCustomError: it is none, or its regular expression is not accepted.
    """
    found = _MATCHER.fullmatch(text)
    if found is None or found[2] == "==":
        raise mistake(
            "is no matcher: write label=value, label!=value, label=~regex or label!~regex"
        )
    label, operator, value = found[1], found[2], _unquoted(found[3].strip())
    if len(value) > MAX_PATTERN:
        raise mistake(f"is longer than {MAX_PATTERN} characters")
    if operator == "=":
        return Matcher(label, "=", value, value.__eq__)
    if operator == "!=":
        return Matcher(label, "!=", value, value.__ne__)
    pattern = _compiled(value)
    if operator == "=~":
        return Matcher(label, "=~", value, lambda text: pattern.fullmatch(text) is not None)
    return Matcher(label, "!~", value, lambda text: pattern.fullmatch(text) is None)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether labels pass all matchers."""
    return all(matcher.matches(labels) for matcher in matchers)


def check_matcher(text: str) -> str:
    """The text of a matcher, if it is one."""
    parse_matcher(text)
    return text


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled: re.Pattern[str] = re2.compile(pattern, options=_OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise mistake(
            f"has a regular expression that is not accepted ({reason}); "
            "look-around and back-references do not exist here, and repeats are bounded"
        ) from error
    return compiled
