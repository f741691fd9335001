"""Mistakes of a rules file: where each stands, what is wrong, and what was probably meant."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from tonewatch.alerting.rules import _yaml
from tonewatch.alerting.rules._conditions import (
    Change,
    Combination,
    NoData,
    NoDataKind,
    Resolve,
    Sequence,
    Share,
    Stage,
)
from tonewatch.alerting.rules._messages import BothLanguages
from tonewatch.alerting.rules._model import EscalationStep, Rule, RulesFile
from tonewatch.alerting.rules._times import ActiveTime, Weekday
from tonewatch.shared.emotions import CHINESE, EMOTIONS
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.messages import AlertAction, Granularity, Priority, Speaker

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "emotion": tuple(EMOTIONS),
    "emotions": tuple(EMOTIONS),
    "weights": tuple(EMOTIONS),
    "priority": tuple(Priority),
    "speaker": tuple(Speaker),
    "granularity": tuple(Granularity),
    "action": tuple(AlertAction),
    "kind": tuple(NoDataKind),
    "weekdays": tuple(Weekday),
}
_MODELS: Final[dict[str, type[BaseModel]]] = {
    "rules": Rule,
    "combination": Combination,
    "sequence": Sequence,
    "stages": Stage,
    "change": Change,
    "share": Share,
    "no_data": NoData,
    "resolve": Resolve,
    "active_time": ActiveTime,
    "message": BothLanguages,
    "escalate": EscalationStep,
}
_SUGGESTED: Final = re.compile(r'did you mean "([^"]*)"')
_FROM_CHINESE: Final = {chinese: emotion.value for emotion, chinese in CHINESE.items()}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, which field it is about, and what to do."""

    file: str
    line: int
    column: int
    field: str
    message: str

    @property
    def suggestion(self) -> str | None:
        """The word that was probably meant, where there is one."""
        found = _SUGGESTED.search(self.message)
        return found[1] if found else None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return where + (f"{self.field}: " if self.field else "") + self.message


class RulesError(ConfigurationError):
    """The rules file cannot be used."""

    status_code = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def problem_at(path: _yaml.Path, message: str, document: _yaml.Document, file: str) -> Problem:
    """A mistake at a path of a document."""
    place = document.place(path)
    return Problem(file, place.line, place.column, field_name(path), message)


def problem_of(detail: ErrorDetails, document: _yaml.Document, file: str) -> Problem:
    """A mistake that pydantic found."""
    path = path_in(document.data, detail["loc"])
    if detail["type"] == "mistake":
        path = (*path, *filter(None, detail["ctx"]["field"].split(".")))
    return problem_at(path, _explain(detail, path), document, file)


def with_choice(message: str, given: Any, choices: Iterable[str]) -> str:
    """The message with the likeliest of the choices, and with all of them."""
    word, known = str(given), tuple(choices)
    likely = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    suggestion = _FROM_CHINESE.get(word) or (likely[0] if likely else None)
    hint = f'; did you mean "{suggestion}"?' if suggestion in known else ""
    return f"{message}{hint} (known: {', '.join(known)})"


def quoted(value: Any) -> str:
    """A value as it is shown in a message."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f'"{str(value)[:80]}"'


def field_name(path: _yaml.Path) -> str:
    """A path as people write it: rules[0].threshold."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.removeprefix(".")


def path_in(data: Any, location: tuple[int | str, ...]) -> _yaml.Path:
    """The location without what pydantic adds: branches of unions, items of a scalar."""
    path: list[int | str] = []
    for number, part in enumerate(location):
        if isinstance(data, dict) and (part in data or number == len(location) - 1):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        if part != "[key]":
            path.append(part)
    return tuple(path)


def _explain(detail: ErrorDetails, path: _yaml.Path) -> str:
    given, kind = detail["input"], detail["type"]
    name = _field_of(detail["loc"])
    if kind == "extra_forbidden":
        return with_choice("is no known key", path[-1], _known_keys(path))
    if kind == "enum" and name in _CHOICES:
        return with_choice(f"{quoted(given)} is not known here", given, _CHOICES[name])
    if kind == "missing":
        return "is missing"
    if kind == "mistake":
        return detail["msg"]
    if kind == "model_type":
        return f"is a mapping of keys and values, not {quoted(given)}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, not {quoted(given)}"


def _field_of(location: tuple[int | str, ...]) -> str:
    if location and location[-1] == "[key]":
        location = location[:-2]
    return next((part for part in reversed(location) if isinstance(part, str)), "")


def _known_keys(path: _yaml.Path) -> tuple[str, ...]:
    parents = [part for part in path[:-1] if isinstance(part, str)]
    model = _MODELS[parents[-1]] if parents else RulesFile
    return tuple(field.alias or name for name, field in model.model_fields.items())
