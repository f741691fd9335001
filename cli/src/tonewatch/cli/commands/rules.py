"""`tonewatch rules`: check a file, apply it rule by rule, try it on what was stored."""

from pathlib import Path
from typing import Annotated

import typer

from tonewatch.cli.api import Api
from tonewatch.cli.program import Program
from tonewatch.cli.rulefile import apply_file, check_file
from tonewatch.cli.ruletrial import backtest_file, since


def add_rules(app: typer.Typer, program: Program) -> None:
    """Add the group of commands."""
    t = program.texts
    group = typer.Typer(no_args_is_help=True, help=t("help.rules"))
    app.add_typer(group, name="rules")
    File = Annotated[  # noqa: N806
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help=t("help.rules.file")),
    ]

    @group.command(help=t("help.rules.check"))
    def check(file: File) -> None:
        async def work(api: Api) -> None:
            count = len(await check_file(program, api, file))
            program.say("rules.good", file=file, count=count)

        program.run(work)

    @group.command("apply", help=t("help.rules.apply"))
    def apply_rules(
        file: File,
        *,
        yes: Annotated[bool, typer.Option("--yes", "-y", help=t("help.rules.yes"))] = False,
        comment: Annotated[str, typer.Option(help=t("help.rules.comment"))] = "",
    ) -> None:
        async def work(api: Api) -> None:
            await apply_file(program, api, file, comment=comment, ask=not yes)

        program.run(work)

    @group.command(help=t("help.rules.backtest"))
    def backtest(
        file: File,
        *,
        begin: Annotated[
            str, typer.Option("--since", metavar="7d|ISO", help=t("help.rules.since"))
        ] = "7d",
        rule: Annotated[str | None, typer.Option(metavar="NAME", help=t("help.rules.rule"))] = None,
    ) -> None:
        first = since(begin)

        async def work(api: Api) -> None:
            await backtest_file(program, api, file, begin=first, only=rule)

        program.run(work)
