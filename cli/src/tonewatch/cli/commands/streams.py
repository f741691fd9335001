"""`tonewatch streams`: the sources and how they are."""

import asyncio
from typing import Annotated, Final

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tonewatch.cli.api import Api, Json
from tonewatch.cli.drawing import local_time, plain
from tonewatch.cli.errors import CliError, RefusedError
from tonewatch.cli.program import Program

WATCH_SECONDS: Final = 2.0
STYLES: Final = {
    "live": "green",
    "connecting": "yellow",
    "stalled": "yellow",
    "backoff": "yellow",
    "failed": "red",
}
FATAL: Final = frozenset({401, 403})


def add_streams(app: typer.Typer, program: Program) -> None:
    """Add the command."""
    t = program.texts

    @app.command(help=t("help.streams"))
    def streams(
        *,
        watch: Annotated[bool, typer.Option("--watch", "-w", help=t("help.streams.watch"))] = False,
        as_json: Annotated[bool, typer.Option("--json", help=t("help.json"))] = False,
    ) -> None:
        async def once(api: Api) -> None:
            found = (await api.get("sources"))["items"]
            if as_json:
                program.print_json(found)
            elif found:
                program.out.print(_table(program, found))
            else:
                program.say("streams.none")

        async def again_and_again(api: Api) -> None:
            if not program.out.is_terminal:
                while True:
                    program.out.print(await _shown(program, api))
                    await asyncio.sleep(WATCH_SECONDS)
            with Live(console=program.out, auto_refresh=False) as live:
                while True:
                    live.update(await _shown(program, api), refresh=True)
                    await asyncio.sleep(WATCH_SECONDS)

        if watch:
            program.follow(again_and_again)
        else:
            program.run(once)


async def _shown(program: Program, api: Api) -> Table | Text:
    """The table, or why there is none now; a refused key ends the watch."""
    try:
        return _table(program, (await api.get("sources"))["items"])
    except RefusedError as error:
        if error.status in FATAL:
            raise
        return Text(program.texts(error.key, **error.places), style="red")
    except CliError as error:
        return Text(program.texts(error.key, **error.places), style="red")


def _table(program: Program, sources: list[Json]) -> Table:
    t = program.texts
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "kind", "state", "since", "reason", "labels", "id"):
        table.add_column(t(f"streams.{column}"), overflow="fold")
    for source in sources:
        state = str(source["state"])
        table.add_row(
            Text(plain(source["name"])),
            Text(plain(source["kind"])),
            Text(t.named("state", state), style=STYLES.get(state, "")),
            Text(local_time(source.get("since"))),
            Text(plain(source.get("reason") or "")),
            Text(plain(", ".join(f"{k}={v}" for k, v in source["labels"].items()))),
            Text(plain(source["id"]), style="dim"),
        )
    return table
