"""Subcommands beside the common ones: a new way in for somebody, and a key for a program."""

import asyncio
from typing import Annotated

import typer

from tonewatch.console.auth.door import Door
from tonewatch.console.auth.keys import KeyWish
from tonewatch.console.auth.permissions import ROLES, Role
from tonewatch.console.auth.principal import Principal
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.errors import InvalidInputError, NotFoundError

OPERATOR = Principal("command line", Role.ADMIN, ROLES[Role.ADMIN], "session")
"""Who has the machine has the console."""


def add_commands(app: typer.Typer) -> None:
    """Add the subcommands."""

    @app.command()
    def link(name: Annotated[str, typer.Argument(help="Of the account")]) -> None:
        """Print a one-time link by which somebody chooses a new password."""
        typer.echo(asyncio.run(_link(ConsoleSettings.load(), name)))

    @app.command()
    def key(
        name: Annotated[str, typer.Option(help="What the key is for")],
        scope: Annotated[
            list[str] | None, typer.Option(help="A permission such as alerts:read; repeatable")
        ] = None,
        label: Annotated[
            list[str] | None, typer.Option(help="name=value that limits it; repeatable")
        ] = None,
    ) -> None:
        """Print a new API key, for programs; without --scope it may do everything."""
        wish = KeyWish(name, scope or ("*",), dict(map(_label, label or ())))
        typer.echo(asyncio.run(new_key(ConsoleSettings.load(), wish)))


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InvalidInputError(f"--label {text}: write it as name=value, such as agent_id=1042")
    return name, value


async def new_key(settings: ConsoleSettings, wish: KeyWish) -> str:
    """Make a key in the console's database, whether the console runs or not."""
    door = Door(settings)
    try:
        await door.database.prepare()
        shown, _ = await door.keys.add(wish, OPERATOR)
    finally:
        await door.database.close()
    return shown


async def _link(settings: ConsoleSettings, name: str) -> str:
    door = Door(settings)
    try:
        await door.database.prepare()
        account = await door.accounts.named(name)
        if account is None:
            known = ", ".join(row.name for row in await door.accounts.all()) or "none yet"
            raise NotFoundError(f"there is no account {name}; there are: {known}")
        made = await door.links.make(account.id)
    finally:
        await door.database.close()
    return settings.base_url.rstrip("/") + made.path
