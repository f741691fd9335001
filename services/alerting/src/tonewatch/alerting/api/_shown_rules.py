"""Rules, their versions and their mistakes, as answers show them."""

from typing import Any

from tonewatch.alerting.rules import AddedRule, Problem, RuleBook, shown_rule
from tonewatch.alerting.rules.stored import StoredRule
from tonewatch.shared.clock import iso_of


def shown_item(book: RuleBook, name: str, *, added: AddedRule | None = None) -> dict[str, Any]:
    """A rule with where it is from, and whether it is in force."""
    if added is not None:
        enabled = added.rule is not None and added.rule.enabled
        return {
            "name": name,
            "origin": "api",
            "line": None,
            "version": added.version,
            "by": added.author,
            "at": iso_of(added.at_ms),
            "in_force": enabled and name not in book.file_rules.lines,
            "problems": [shown_problem(each) for each in added.problems],
            "rule": added.data,
        }
    (rule,) = (each for each in book.file_rules.rules if each.name == name)
    return {
        "name": name,
        "origin": "file",
        "line": book.file_rules.lines.get(name),
        "version": None,
        "by": None,
        "at": None,
        "in_force": rule.enabled,
        "problems": [],
        "rule": shown_rule(rule),
    }


def shown_version(stored: StoredRule) -> dict[str, Any]:
    """One version of a rule."""
    return {
        "name": stored.name,
        "version": stored.version,
        "action": stored.action,
        "by": stored.author,
        "comment": stored.comment,
        "at": iso_of(stored.at_ms),
        "rule": stored.rule,
    }


def shown_problem(problem: Problem) -> dict[str, Any]:
    """A mistake, with its place and what was probably meant."""
    names = ("line", "column", "field", "message", "suggestion")
    return {name: getattr(problem, name) for name in names}
