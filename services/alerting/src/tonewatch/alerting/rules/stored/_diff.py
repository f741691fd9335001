"""What differs between two versions of a rule."""

import difflib
from typing import Any

import yaml

from tonewatch.alerting.rules.stored._model import StoredRule


def differences(
    before: dict[str, Any] | None, after: dict[str, Any] | None, prefix: str = ""
) -> list[dict[str, Any]]:
    """Each key that differs, as {field, before, after}; None where it is absent."""
    old, new = before or {}, after or {}
    found: list[dict[str, Any]] = []
    for key in dict.fromkeys((*old, *new)):
        was, now, field = old.get(key), new.get(key), f"{prefix}{key}"
        if isinstance(was, dict) and isinstance(now, dict):
            found += differences(was, now, f"{field}.")
        elif was != now:
            found.append({"field": field, "before": was, "after": now})
    return found


def unified(before: StoredRule, after: StoredRule) -> str:
    """A unified diff of the rules as YAML."""
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        f"version {before.version}",
        f"version {after.version}",
    )
    return "".join(lines)


def _lines(stored: StoredRule) -> list[str]:
    if stored.rule is None:
        return []
    text = yaml.safe_dump(stored.rule, allow_unicode=True, sort_keys=False)
    return text.splitlines(keepends=True)
