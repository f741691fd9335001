"""From the bytes of a rules file to rules, or to all of its mistakes, each with its place."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from tonewatch.alerting.rules import _yaml
from tonewatch.alerting.rules._model import Channel, Rule, RulesFile
from tonewatch.alerting.rules._problems import (
    Problem,
    RulesError,
    field_name,
    problem_at,
    problem_of,
    quoted,
    with_choice,
)

MAX_BYTES: Final = 256 * 1024
MAX_PROBLEMS: Final = 50
"""Shown at once; a file with more is probably no rules file at all."""

BUILT_IN_CHANNELS: Final = tuple(channel.value for channel in Channel)


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The rules of one file as it stood; `lines` tells where each of them is."""

    file: str
    digest: str
    rules: tuple[Rule, ...]
    lines: Mapping[str, int] = field(default_factory=dict)


def load_rules(file: Path, channels: Collection[str] = BUILT_IN_CHANNELS) -> LoadedRules:
    """Read a rules file; `channels` are the names that rules may send to.

    Raises:
        RulesError: it is missing, too large, or has mistakes; all of them are named.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RulesError([Problem(str(file), 1, 1, "", f"cannot be read: {reason}")]) from error
    return parse_rules(content, str(file), channels)


def parse_rules(
    content: bytes, file: str, channels: Collection[str] = BUILT_IN_CHANNELS
) -> LoadedRules:
    """Rules from the content of a file, whose name is used in messages.

    Raises:
        RulesError: the content has mistakes.
    """
    document = read_yaml(content, file)
    rules = validate_document(document, file, channels)
    lines = {
        rule.name: document.place(("rules", number, "name")).line
        for number, rule in enumerate(rules)
    }
    return LoadedRules(file, hashlib.sha256(content).hexdigest(), rules, lines)


def read_yaml(content: bytes, file: str) -> _yaml.Document:
    """The content of a file, with the places of its keys.

    Raises:
        RulesError: it is too large, no UTF-8, or no YAML that is accepted here.
    """
    if len(content) > MAX_BYTES:
        raise RulesError([Problem(file, 1, 1, "", f"is larger than {MAX_BYTES // 1024} KiB")])
    try:
        return _yaml.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RulesError([Problem(file, line, 1, "", "is not UTF-8 text")]) from error
    except _yaml.YamlMistake as error:
        place = error.place
        raise RulesError([Problem(file, place.line, place.column, "", error.message)]) from error


def parse_rule(data: Any, channels: Collection[str] = BUILT_IN_CHANNELS) -> Rule:
    """One rule that is given as plain data.

    Raises:
        RulesError: it has mistakes; their fields are named from the rule on, places mean nothing.
    """
    try:
        (rule,) = validate_document(_yaml.Document(data={"rules": [data]}), "", channels)
    except RulesError as error:
        raise RulesError([inside_rule(problem) for problem in error.problems]) from None
    return rule


def inside_rule(problem: Problem) -> Problem:
    """The same mistake of a rule that stands alone: no `rules[0]` before the field."""
    return replace(problem, field=problem.field.removeprefix("rules[0]").removeprefix("."))


def validate_document(
    document: _yaml.Document, file: str, channels: Collection[str]
) -> tuple[Rule, ...]:
    """The rules of a document.

    Raises:
        RulesError: it has mistakes.
    """
    if not isinstance(document.data, dict):
        raise RulesError([Problem(file, 1, 1, "rules", "the file holds no list `rules:`")])
    problems = [
        Problem(file, place.line, place.column, field_name(path), message)
        for path, place, message in document.mistakes
    ]
    problems += _repeated_names(document, file)
    problems += _unknown_channels(document, file, channels)
    try:
        rules = RulesFile.model_validate(document.data).rules
    except ValidationError as error:
        problems += [
            problem_of(detail, document, file)
            for detail in error.errors(include_url=False)
            if not (detail["type"] == "too_short" and detail["input"])  # its items were refused
        ]
    if problems:
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise RulesError(problems[:MAX_PROBLEMS])
    return rules


def _mappings(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, item


def _repeated_names(document: _yaml.Document, file: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, rule in _mappings(document.data.get("rules")):
        name = rule.get("name")
        if not isinstance(name, str):
            continue
        path = ("rules", index, "name")
        if name in first:
            message = f'"{name}" is already the name of the rule on line {first[name]}'
            yield problem_at(path, message, document, file)
        first.setdefault(name, document.place(path).line)


def _unknown_channels(
    document: _yaml.Document, file: str, channels: Collection[str]
) -> Iterator[Problem]:
    for path, name in _named_channels(document.data):
        if name not in channels:
            message = with_choice(f"{quoted(name)} is no channel", name, channels)
            yield problem_at(path, message, document, file)


def _named_channels(data: dict[str, Any]) -> Iterator[tuple[_yaml.Path, str]]:
    for index, rule in _mappings(data.get("rules")):
        yield from _names_in(rule, ("rules", index))
        for number, step in _mappings(rule.get("escalate")):
            yield from _names_in(step, ("rules", index, "escalate", number))


def _names_in(holder: dict[str, Any], path: _yaml.Path) -> Iterator[tuple[_yaml.Path, str]]:
    names = holder.get("channels")
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str):
            yield (*path, "channels", index), name
