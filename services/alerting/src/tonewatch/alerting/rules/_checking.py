"""A text that somebody wants to know about: a rules file, or one rule, as YAML or JSON."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tonewatch.alerting.rules import _yaml
from tonewatch.alerting.rules._load import (
    MAX_BYTES,
    inside_rule,
    parse_rule,
    parse_rules,
    validate_document,
)
from tonewatch.alerting.rules._model import Rule
from tonewatch.alerting.rules._problems import Problem, RulesError

_JSON: Final = re.compile(rb'\s*\{\s*"')
"""A mapping whose first key is in quotes is taken for JSON, any other for YAML."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: rules, or problems."""

    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()


def check_text(content: bytes, channels: Collection[str]) -> Checked:
    """Look at a text; a mapping without `rules` is taken for one rule."""
    try:
        return Checked(rules=_read(content, channels))
    except RulesError as error:
        return Checked(problems=error.problems)


def _read(content: bytes, channels: Collection[str]) -> tuple[Rule, ...]:
    if _JSON.match(content) and len(content) <= MAX_BYTES:
        return _read_json(content, channels)
    try:
        document = _yaml.read(content[: MAX_BYTES + 1].decode("utf-8-sig"))
    except (UnicodeDecodeError, _yaml.YamlMistake):
        return parse_rules(content, "", channels).rules  # which tells the mistake
    if not _is_one_rule(document.data):
        return parse_rules(content, "", channels).rules
    try:
        return validate_document(_as_file(document), "", channels)
    except RulesError as error:
        raise RulesError([inside_rule(problem) for problem in error.problems]) from None


def _read_json(content: bytes, channels: Collection[str]) -> tuple[Rule, ...]:
    """JSON is YAML, save for numbers such as 1e-3 and for tabs: then places are not known."""
    try:
        data = json.loads(content)
    except json.JSONDecodeError as error:
        problem = Problem("", error.lineno, error.colno, "", f"this is not valid JSON: {error.msg}")
        raise RulesError([problem]) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RulesError([Problem("", 1, 1, "", f"this is not valid JSON: {error}")]) from error
    try:
        document = _yaml.read(content.decode())
    except _yaml.YamlMistake:
        document = _yaml.Document()
    document.data = data
    if not _is_one_rule(data):
        return validate_document(document, "", channels)
    if not document.values:
        return (parse_rule(data, channels),)
    try:
        return validate_document(_as_file(document), "", channels)
    except RulesError as error:
        raise RulesError([inside_rule(problem) for problem in error.problems]) from None


def _is_one_rule(data: object) -> bool:
    return isinstance(data, dict) and "rules" not in data


def _as_file(document: _yaml.Document) -> _yaml.Document:
    """The rule as the only one of a file, in its places."""
    inside: _yaml.Path = ("rules", 0)
    return _yaml.Document(
        data={"rules": [document.data]},
        keys={(*inside, *path): place for path, place in document.keys.items()},
        values={(*inside, *path): place for path, place in document.values.items()},
        mistakes=[((*inside, *path), place, text) for path, place, text in document.mistakes],
    )
