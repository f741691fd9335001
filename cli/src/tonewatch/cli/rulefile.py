"""A rules file: checked as a whole, and applied rule by rule with the differences shown first."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import typer
import yaml
from rich.text import Text

from tonewatch.cli.api import Api, Json
from tonewatch.cli.drawing import plain
from tonewatch.cli.errors import CliError, RefusedError
from tonewatch.cli.program import Program

ABSENT: Final = 404
CONFLICTS: Final = frozenset({409, 412})
STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True)
class Written:
    """A rule of a file: as it stands there, and with the defaults of all other keys."""

    rule: Json
    full: Json

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.full["name"])


@dataclass(frozen=True, slots=True)
class _Change:
    """A rule as it is to be, and as the console has it: None if it is new."""

    wanted: Written
    before: Json | None
    etag: str | None

    @property
    def is_needed(self) -> bool:
        """Whether anything differs."""
        return self.before != self.wanted.full

    @property
    def lines(self) -> list[str]:
        """What differs, as a unified diff; of a new rule, what the file says of it."""
        if self.before is None:
            pair = "", _yaml(self.wanted.rule)
        else:
            pair = _yaml(self.before), _yaml(self.wanted.full)
        old, new = (text.splitlines() for text in pair)
        name = self.wanted.name
        return list(difflib.unified_diff(old, new, f"{name} (now)", name, lineterm=""))


async def check_file(program: Program, api: Api, file: Path) -> list[Written]:
    """The rules of a file, once the console found nothing wrong.

    Raises:
        CliError: there are mistakes, which were printed with their places; or nothing to read.
    """
    content = _read(file)
    headers = {"Content-Type": "application/yaml"}
    answer = await api.send("POST", "rules/validate", content=content, headers=headers)
    checked = answer.json()
    problems = checked["problems"]
    for problem in problems:
        place = ":".join(str(problem[key]) for key in ("line", "column") if problem[key])
        field = f" {problem['field']}:" if problem["field"] else ""
        hint = f" ({problem['suggestion']})" if problem["suggestion"] else ""
        program.err.print(Text(plain(f"{file}:{place}:{field} {problem['message']}{hint}")))
    if problems:
        raise CliError("error.rules", file=file, count=len(problems))
    document = yaml.safe_load(content.decode("utf-8-sig"))
    pairs = zip(document.get("rules", [document]), checked["rules"], strict=True)
    return [Written(rule, full) for rule, full in pairs]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CliError("error.file", file=file, reason=error) from error


async def apply_file(program: Program, api: Api, file: Path, *, comment: str, ask: bool) -> None:
    """Put every rule that differs, after a look at the differences.

    A rule that somebody changed since the differences were shown is not put.

    Raises:
        CliError: the file has mistakes, a rule is the operator's file's, or was changed meanwhile.
    """
    rules = await check_file(program, api, file)
    looked_at = [await _look(api, rule) for rule in rules]
    changes = [change for change in looked_at if change.is_needed]
    if not changes:
        program.say("rules.unchanged", count=len(rules))
        return
    for change in changes:
        for line in change.lines:
            program.out.print(Text(line, style=STYLES.get(line[0], "")))
    if ask and not typer.confirm(program.texts("rules.ask", count=len(changes)), err=True):
        raise CliError("error.not_applied")
    for change in changes:
        version = await _put(api, change, comment)
        program.say("rules.applied", name=plain(change.wanted.name), version=version)


async def _look(api: Api, wanted: Written) -> _Change:
    try:
        answer = await api.send("GET", _path(wanted.name))
    except RefusedError as error:
        if error.status != ABSENT:
            raise
        return _Change(wanted, None, None)
    known = answer.json()
    if known["origin"] == "file":
        raise CliError("error.operators_rule", name=plain(wanted.name))
    return _Change(wanted, known["rule"], answer.headers.get("etag"))


async def _put(api: Api, change: _Change, comment: str) -> int:
    body = {"rule": change.wanted.rule, "comment": comment}
    try:
        if change.etag is None:
            answer = await api.send("POST", "rules", json=body)
        else:
            headers = {"If-Match": change.etag}
            answer = await api.send("PUT", _path(change.wanted.name), json=body, headers=headers)
    except RefusedError as error:
        if error.status in CONFLICTS:
            raise CliError("error.changed_meanwhile", name=plain(change.wanted.name)) from error
        raise
    version: int = answer.json()["version"]
    return version


def _path(name: str) -> str:
    return f"rules/{quote(name, safe='')}"


def _yaml(rule: Any) -> str:
    return yaml.safe_dump(rule, allow_unicode=True, sort_keys=True)
