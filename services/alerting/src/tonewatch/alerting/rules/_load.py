"""From the bytes of a rules file to rules, or to all of its mistakes, each with its place."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tonewatch.alerting.rules import _yaml
from tonewatch.alerting.rules._model import Channel, Combination, Rule, RulesFile
from tonewatch.shared.emotions import CHINESE, EMOTIONS
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.messages import Priority, Speaker

MAX_BYTES: Final = 256 * 1024
MAX_PROBLEMS: Final = 50
"""Shown at once; a file with more is probably no rules file at all."""

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "emotion": tuple(EMOTIONS),
    "emotions": tuple(EMOTIONS),
    "channels": tuple(Channel),
    "priority": tuple(Priority),
    "speaker": tuple(Speaker),
}
_FROM_CHINESE: Final = {chinese: emotion.value for emotion, chinese in CHINESE.items()}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, which field it is about, and what to do."""

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return where + (f"{self.field}: " if self.field else "") + self.message


class RulesError(ConfigurationError):
    """The rules file cannot be used."""

    status_code = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The rules of one file as it stood."""

    file: str
    digest: str
    rules: tuple[Rule, ...]


def load_rules(file: Path) -> LoadedRules:
    """Read a rules file.

    Raises:
        RulesError: it is missing, too large, or has mistakes; all of them are named.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RulesError([Problem(str(file), 1, 1, "", f"cannot be read: {reason}")]) from error
    return parse_rules(content, str(file))


def parse_rules(content: bytes, file: str) -> LoadedRules:
    """Rules from the content of a file, whose name is used in messages.

    Raises:
        RulesError: the content has mistakes.
    """
    if len(content) > MAX_BYTES:
        raise RulesError([Problem(file, 1, 1, "", f"is larger than {MAX_BYTES // 1024} KiB")])
    try:
        document = _yaml.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RulesError([Problem(file, line, 1, "", "is not UTF-8 text")]) from error
    except _yaml.YamlMistake as error:
        place = error.place
        raise RulesError([Problem(file, place.line, place.column, "", error.message)]) from error
    rules = _validate(document, file)
    return LoadedRules(file, hashlib.sha256(content).hexdigest(), rules)


def _validate(document: _yaml.Document, file: str) -> tuple[Rule, ...]:
    problems = [
        Problem(file, place.line, place.column, _field_name(path), message)
        for path, place, message in document.mistakes
    ]
    if not isinstance(document.data, dict):
        raise RulesError([Problem(file, 1, 1, "rules", "the file holds no list `rules:`")])
    problems += _repeated_names(document, file)
    try:
        rules = RulesFile.model_validate(document.data).rules
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_problem(detail, document, file) for detail in details]
    if problems:
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise RulesError(problems[:MAX_PROBLEMS])
    return rules


def _repeated_names(document: _yaml.Document, file: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    rules = document.data.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        name = rule.get("name") if isinstance(rule, dict) else None
        if not isinstance(name, str):
            continue
        path = ("rules", index, "name")
        place = document.place(path)
        if name in first:
            message = f'"{name}" is already the name of the rule on line {first[name]}'
            yield Problem(file, place.line, place.column, _field_name(path), message)
        first.setdefault(name, place.line)


def _problem(detail: ErrorDetails, document: _yaml.Document, file: str) -> Problem:
    path = tuple(detail["loc"])
    if detail["type"] == "mistake":
        path = (*path, detail["ctx"]["field"])
    place = document.place(path)
    return Problem(file, place.line, place.column, _field_name(path), _explain(detail, path))


def _explain(detail: ErrorDetails, path: _yaml.Path) -> str:
    given = detail["input"]
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if detail["type"] == "extra_forbidden":
        return _with_choice("is no known key", name, _known_keys(path))
    if detail["type"] == "enum" and name in _CHOICES:
        return _with_choice(f"{_quoted(given)} is not known here", given, _CHOICES[name])
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "mistake":
        return detail["msg"]
    if detail["type"] == "model_type":
        return f"is a mapping of keys and values, not {_quoted(given)}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, not {_quoted(given)}"


def _known_keys(path: _yaml.Path) -> tuple[str, ...]:
    if len(path) == 1:
        return tuple(RulesFile.model_fields)
    model = Combination if "combination" in path[:-1] else Rule
    return tuple(model.model_fields)


def _with_choice(message: str, given: Any, choices: tuple[str, ...]) -> str:
    word = str(given)
    likely = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.5)
    suggestion = _FROM_CHINESE.get(word) or (likely[0] if likely else None)
    hint = f'; did you mean "{suggestion}"?' if suggestion in choices else ""
    return f"{message}{hint} (known: {', '.join(choices)})"


def _quoted(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value)
    return f'"{text[:80]}"'


def _field_name(path: _yaml.Path) -> str:
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.removeprefix(".")
