"""Subcommands beside the common ones: look at a rules file before it is deployed, make a secret."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tonewatch.alerting.delivery.signing import new_secret
from tonewatch.alerting.rules import BUILT_IN_CHANNELS, load_rules, rules_schema


def add_commands(app: typer.Typer) -> None:
    """Add the subcommands."""

    @app.command()
    def check(
        file: Annotated[Path, typer.Argument(help="The rules file to look at")],
        channel: Annotated[
            list[str] | None,
            typer.Option(help="A channel of the settings that rules may name; repeatable"),
        ] = None,
    ) -> None:
        """Say whether a rules file can be used; exit 2 and name every mistake if not."""
        loaded = load_rules(file, (*BUILT_IN_CHANNELS, *(channel or ())))
        active = sum(rule.enabled for rule in loaded.rules)
        typer.echo(f"{file}: fine, {len(loaded.rules)} rules ({active} enabled)")

    @app.command()
    def schema() -> None:
        """Print the JSON Schema of rules.yaml, for editors."""
        typer.echo(json.dumps(rules_schema(), ensure_ascii=False, indent=2))

    @app.command("new-secret")
    def make_secret() -> None:
        """Print a new webhook secret, for the `webhooks` of the settings."""
        typer.echo(new_secret())
