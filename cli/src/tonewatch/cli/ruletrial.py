"""A backtest: which alerts the rules of a file would have raised over stored calls."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.text import Text

from tonewatch.cli.api import Api, Json
from tonewatch.cli.drawing import local_time, plain
from tonewatch.cli.errors import CliError, MisusedError
from tonewatch.cli.program import Program
from tonewatch.cli.rulefile import check_file
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.http import HTTPError

_AGE: Final = re.compile(r"(\d{1,5})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str) -> datetime:
    """A time that is so long ago (`90m`, `7d`), or is given itself (ISO 8601).

    Raises:
        MisusedError: it is neither.
    """
    if found := _AGE.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise MisusedError("error.since", text=text) from error


async def backtest_file(
    program: Program, api: Api, file: Path, *, begin: datetime, only: str | None
) -> None:
    """Try the rules of a file, or the one named, and print what each would have raised.

    Raises:
        CliError: the file has mistakes or no such rule, or a trial was not finished.
    """
    rules = [
        each.rule for each in await check_file(program, api, file) if only in {None, each.name}
    ]
    if not rules:
        raise CliError("error.no_rule", file=file, name=only)
    unfinished = [rule for rule in rules if not await _backtest(program, api, rule, begin)]
    if unfinished:
        names = ", ".join(str(rule["name"]) for rule in unfinished)
        raise CliError("error.unfinished", names=plain(names))


async def _backtest(program: Program, api: Api, rule: Json, begin: datetime) -> bool:
    """Whether all of the stored calls were looked at."""
    name, complete = plain(rule["name"]), False
    async with aclosing(_lines(api, {"rule": rule, "from": iso_utc(begin)})) as lines:
        async for line in lines:
            if line["type"] == "alert":
                program.out.print(_alert(program, line))
            elif line["type"] == "error":
                raise CliError("error.refused", detail=plain(line["detail"]))
            elif line["type"] == "summary":
                complete = bool(line["complete"])
                told = {key: line[key] for key in ("alerts", "sessions", "seconds")}
                program.say("backtest.summary", name=name, **told)
                if not complete:
                    program.warn("backtest.stopped", why=plain(line["why_stopped"]))
    return complete


async def _lines(api: Api, asked: Json) -> AsyncGenerator[Json]:
    try:
        async with api.client.stream("POST", "rules/backtest", json=asked) as answer:
            if not answer.is_success:
                await answer.aread()
            api.check(answer)
            async for line in answer.aiter_lines():
                yield json.loads(line)
    except HTTPError as error:
        raise api.unreachable(error) from error


def _alert(program: Program, line: Json) -> Text:
    t = program.texts
    speaker = t.named("speaker", str(line["speaker"]))
    stretch = f"[{line['first_seq']}-{line['last_seq'] + 1} s]"
    value = f"{line['value']:.2f}/{line['threshold']:.2f}"
    where = f"{line['session_id']} {speaker} {stretch} {line['rule']} {value}"
    return Text(f"{local_time(line['fired_at'])} {plain(where)}")
