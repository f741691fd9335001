"""The command line of `tonewatch`.

Exit codes: 0 well done, 1 what was asked for failed, 2 called wrongly or not signed in.
"""

import os
import sys
from typing import Annotated

import typer
from rich.text import Text

from tonewatch.cli.commands import (
    add_alerts,
    add_analyze,
    add_login,
    add_rules,
    add_streams,
    add_tail,
)
from tonewatch.cli.errors import CliError
from tonewatch.cli.program import Program
from tonewatch.cli.texts import OPTION, Language, Texts, take_language


def main() -> None:
    """Do what the command line says, in the language that it or the locale names."""
    language, arguments = take_language(sys.argv[1:], os.environ)
    program = Program(Texts(language), os.environ)
    try:
        build_app(program)(arguments, prog_name="tonewatch")
    except CliError as error:
        words = program.texts(error.key, **error.places)
        program.err.print(Text(f"tonewatch: {words}"))
        raise SystemExit(error.exit_code) from None


def build_app(program: Program) -> typer.Typer:
    """All commands, their help in the program's language."""
    t = program.texts
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=t("help"),
    )

    @app.callback()
    def everything(
        *,
        lang: Annotated[Language | None, typer.Option(OPTION, help=t("help.lang"))] = None,
    ) -> None:
        """Read before the rest of the command line: see `take_language`."""

    for add in (add_login, add_analyze, add_streams, add_tail, add_alerts, add_rules):
        add(app, program)
    return app


if __name__ == "__main__":
    main()
