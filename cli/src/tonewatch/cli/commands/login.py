"""`tonewatch login` and `logout`: keep an address and a key, once they are known to work."""

import asyncio
import sys
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from tonewatch.cli.account import KEY_VARIABLE, URL_VARIABLE, Account, checked_url, keep_account
from tonewatch.cli.api import Api, Json
from tonewatch.cli.drawing import plain
from tonewatch.cli.errors import CliError, MisusedError, RefusedError
from tonewatch.cli.program import Program

FORBIDDEN: Final = 403


def add_login(app: typer.Typer, program: Program) -> None:
    """Add both commands."""
    t = program.texts

    @app.command(help=t("help.login"))
    def login(
        url: Annotated[
            str | None,
            typer.Argument(envvar=URL_VARIABLE, metavar="URL", help=t("help.login.url")),
        ] = None,
    ) -> None:
        if not url:
            raise MisusedError("error.which_url")
        account = Account(checked_url(url), SecretStr(_key(program)))
        if account.is_open_to_listeners:
            program.warn("login.unencrypted", url=account.url)
        me = asyncio.run(_who(account))
        keep_account(program.file, account)
        places = {"url": account.url, "file": program.file}
        if me is None:
            program.say("login.done_limited", **places)
        else:
            program.say("login.done", **places, name=plain(me["name"]), role=plain(me["role"]))

    @app.command(help=t("help.logout"))
    def logout() -> None:
        try:
            program.file.unlink(missing_ok=True)
        except OSError as error:
            raise CliError("error.file", file=program.file, reason=error) from error
        program.say("logout.done", file=program.file)


def _key(program: Program) -> str:
    """The key of the environment, else as it is typed (or piped in)."""
    key = program.environ.get(KEY_VARIABLE, "")
    if not key:
        if sys.stdin.isatty():
            key = typer.prompt(program.texts("login.key"), hide_input=True, err=True)
        else:
            key = sys.stdin.readline()
    key = key.strip()
    if not key.isascii() or not key.isprintable() or not key:
        raise MisusedError("error.no_key_given")
    return key


async def _who(account: Account) -> Json | None:
    """Whose key it is; None if the key is good, and not for such questions."""
    api = Api(account)
    try:
        return await api.get("auth/me")
    except RefusedError as error:
        if error.status != FORBIDDEN:
            raise
        return None
    finally:
        await api.close()
