"""Subcommands beside the common ones: rules before they are deployed, and a new secret."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from tonewatch.alerting import commands
from tonewatch.alerting.delivery.signing import new_secret
from tonewatch.alerting.rules import BUILT_IN_CHANNELS, load_rules, rules_schema

RulesPath = Annotated[Path, typer.Argument(help="The rules file to look at")]
ChannelNames = Annotated[
    list[str] | None,
    typer.Option("--channel", help="A channel of the settings that rules may name; repeatable"),
]
FAILED: Final = 1


def add_commands(app: typer.Typer) -> None:
    """Add the subcommands."""

    @app.command()
    def check(file: RulesPath, channel: ChannelNames = None) -> None:
        """Say whether a rules file can be used; exit 2 and name every mistake if not."""
        loaded = load_rules(file, (*BUILT_IN_CHANNELS, *(channel or ())))
        active = sum(rule.enabled for rule in loaded.rules)
        typer.echo(f"{file}: fine, {len(loaded.rules)} rules ({active} enabled)")

    @app.command()
    def schema() -> None:
        """Print the JSON Schema of rules.yaml, for editors."""
        typer.echo(json.dumps(rules_schema(), ensure_ascii=False, indent=2))

    @app.command("test")
    def test_rules(
        file: RulesPath,
        cases: Annotated[list[Path], typer.Argument(help="Files of cases")],
        channel: ChannelNames = None,
    ) -> None:
        """Run unit tests of rules; exit 1 if a case fails, 2 if a file cannot be used."""
        loaded = load_rules(file, (*BUILT_IN_CHANNELS, *(channel or ())))
        results = [commands.test_file(loaded, each) for each in cases]
        if not all(results):
            raise typer.Exit(FAILED)

    @app.command("new-secret")
    def make_secret() -> None:
        """Print a new webhook secret, for the `webhooks` of the settings."""
        typer.echo(new_secret())

    _add_service_commands(app)


def _add_service_commands(app: typer.Typer) -> None:
    """Those that ask running services."""

    @app.command()
    def backtest(
        file: RulesPath,
        *,
        rule: Annotated[
            list[str] | None, typer.Option(help="Only this rule of the file; repeatable")
        ] = None,
        since: Annotated[str, typer.Option(help="So far back: 90m, 24h, 7d, 4w")] = "7d",
        queue: Annotated[str | None, typer.Option(help="Only calls of this queue")] = None,
        agent: Annotated[str | None, typer.Option(help="Only calls of this agent")] = None,
        label: Annotated[list[str] | None, typer.Option(help="name:value; repeatable")] = None,
        most_sessions: Annotated[int, typer.Option(help="Stop after so many calls")] = 1000,
        coarse: Annotated[
            bool, typer.Option(help="One value per second: quicker, and not as exact")
        ] = False,
        storage_url: Annotated[
            str | None, typer.Option(help="Default: alerting.storage_url of the settings")
        ] = None,
        channel: ChannelNames = None,
    ) -> None:
        """Tell what rules would have fired over stored history."""
        loaded = load_rules(file, (*BUILT_IN_CHANNELS, *(channel or ())))
        commands.backtest(
            loaded,
            rule or (),
            commands.query_of(since, queue=queue, agent=agent, labels=label or ()),
            storage_url,
            most_sessions=most_sessions,
            fine=not coarse,
        )

    @app.command()
    def reload(
        url: Annotated[
            str | None, typer.Option(help="Of the running service; default: as in the settings")
        ] = None,
    ) -> None:
        """Have the running service read its rules again; exit 2 if it refuses them."""
        commands.reload(url)
