"""What the subcommands do."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer

from tonewatch.alerting.cases import load_cases, run_case
from tonewatch.alerting.evaluation import timing_of
from tonewatch.alerting.history import (
    Backtest,
    BacktestOptions,
    Found,
    HistoryClient,
    Progress,
    SessionQuery,
)
from tonewatch.alerting.rules import LoadedRules, Rule
from tonewatch.alerting.settings import AlertingOptions, AlertingSettings
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.errors import ConfigurationError, InvalidInputError, UnavailableError
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.shared.token import suite_token

_SPAN: Final = re.compile(r"(\d{1,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SECONDS_PER_MINUTE: Final = 60


def test_file(loaded: LoadedRules, file: Path) -> bool:
    """Run the cases of a file and print what came of them; True if all passed.

    Raises:
        RulesError: the file cannot be used.
    """
    timing = timing_of(_options())
    results = [run_case(case, loaded.rules, timing) for case in load_cases(file).cases]
    failed = [result for result in results if not result.passed]
    typer.echo(f"{file}:")
    for result in failed:
        typer.echo(f"  FAILED: {result.name}")
        for problem in result.problems:
            typer.echo(f"    {problem}")
    if not failed:
        typer.echo(f"  SUCCESS: {len(results)} case(s)")
        return True
    typer.echo(f"  {len(failed)} of {len(results)} case(s) failed")
    return False


def query_of(
    since: str, *, queue: str | None, agent: str | None, labels: Sequence[str]
) -> SessionQuery:
    """The calls of the last so many hours, days or weeks.

    Raises:
        InvalidInputError: `since` is no span of time.
    """
    found = _SPAN.fullmatch(since)
    if found is None:
        raise InvalidInputError(f"--since {since}: write such as 90m, 24h, 7d or 4w")
    now = utc_now()
    begin = now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    return SessionQuery(begin=begin, end=now, queue=queue, agent_id=agent, label=tuple(labels))


def backtest(
    loaded: LoadedRules,
    names: Sequence[str],
    query: SessionQuery,
    storage_url: str | None,
    *,
    most_sessions: int,
    fine: bool,
) -> None:
    """Run rules over history, and print each alert as it is found.

    Raises:
        InvalidInputError: there is no such rule, or it cannot be run so.
        UnavailableError: storage does not answer.
    """
    settings = AlertingSettings.load()
    options = settings.alerting
    chosen = _chosen(loaded, names)
    limits = BacktestOptions(most_sessions=most_sessions, fine=fine, most_seconds=float("inf"))

    async def run() -> None:
        client = HistoryClient(storage_url or options.storage_url, suite_token(settings))
        try:
            made = Backtest(client, chosen, timing_of(options), limits)
            async with aclosing(made.run(query)) as found:
                async for each in found:
                    _print_found(each) if isinstance(each, Found) else _print_progress(each)
        finally:
            await client.close()

    asyncio.run(run())


def reload(url: str | None) -> None:
    """Ask a running service to read its rules, and print what it says.

    Raises:
        UnavailableError: it does not answer.
        ConfigurationError: it refuses the rules; every mistake is named.
    """
    settings = AlertingSettings.load()
    base = url or f"http://127.0.0.1:{settings.alerting.port}"

    async def ask() -> None:
        async with create_client(base_url=base, token=suite_token(settings)) as client:
            try:
                answer = await client.post("/v1/rules/reload")
            except HTTPError as error:
                reason = str(error) or type(error).__name__
                raise UnavailableError(f"alerting at {base} does not answer ({reason})") from error
        if not answer.is_success:
            raise ConfigurationError(str(answer.json().get("detail", answer.text)))
        shown = answer.json()
        typer.echo(f"{shown['file']}: {len(shown['rules'])} rules in force, hash {shown['hash']}")
        for warning in shown["warnings"]:
            typer.echo(f"warning: {warning}")

    asyncio.run(ask())


def _options() -> AlertingOptions:
    return AlertingSettings.load().alerting


def _chosen(loaded: LoadedRules, names: Sequence[str]) -> list[Rule]:
    by_name = {rule.name: rule for rule in loaded.rules}
    if unknown := [name for name in names if name not in by_name]:
        raise InvalidInputError(f"{loaded.file} has no rule {', '.join(unknown)}")
    return [by_name[name] for name in names] or list(loaded.rules)


def _print_found(found: Found) -> None:
    fired, over = found.fired, found.resolved
    minute, second = divmod(fired.first_seq, _SECONDS_PER_MINUTE)
    value = fired.value if over is None else over.value
    typer.echo(
        f"{iso_utc(fired.at)}  {fired.rule}  {found.session.session_id} {found.speaker} "
        f"at {minute}:{second:02}  value {value:.3g} (threshold {fired.facts.threshold:g})"
    )


def _print_progress(progress: Progress) -> None:
    seen = f"{progress.sessions} calls, {progress.seconds} seconds"
    if not progress.done:
        typer.echo(f"... {seen}, {progress.alerts} alerts so far", err=True)
        return
    for rule, count in progress.by_rule.items():
        times = "once" if count == 1 else f"{count} times"
        typer.echo(f'"{rule}" would have fired {times if count else "never"}')
    typer.echo(f"{seen} were looked at")
    if progress.why_stopped:
        typer.echo(f"not all of it: {progress.why_stopped}")
