"""The subcommands of `tonewatch-storage` beside `run`."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tonewatch.storage.database import Database
from tonewatch.storage.operations import backup, check, compact, move, restore
from tonewatch.storage.settings import StorageSettings

ResultT = TypeVar("ResultT")


def add_commands(app: typer.Typer) -> None:
    """Add migrate, backup, restore, move, check and compact."""

    @app.command("migrate")
    def migrate_command() -> None:
        """Bring the schema to this release's; `run` does the same at its start."""
        _with_database(lambda database, _: database.prepare())
        _say("the schema is up to date")

    @app.command("backup")
    def backup_command(path: Path) -> None:
        """Write a copy to PATH while the service goes on."""
        _with_database(lambda database, url: backup(database, url, path))
        _say(f"{path} holds {path.stat().st_size:,} bytes")

    @app.command("restore")
    def restore_command(
        path: Path,
        replace: Annotated[bool, typer.Option(help="Keep what is there beside it")] = False,  # noqa: FBT002 - an option
    ) -> None:
        """Put the copy at PATH in the place of the database; stop the service first."""
        _with_database(lambda database, url: restore(database, url, path, replace=replace))
        _say(f"restored from {path}")

    @app.command("move")
    def move_command(
        to: Annotated[str, typer.Option(help="postgresql+asyncpg://USER:PASSWORD@HOST/NAME")],
    ) -> None:
        """Copy an SQLite database into an empty PostgreSQL one; stop the service first."""
        for table, rows in _with_database(lambda database, _: _move(database, to)).items():
            _say(f"{table:<20}{rows:>12,}")
        _say("moved; now name the new database in storage.database_url")

    @app.command("check")
    def check_command() -> None:
        """Is the file sound, and every second there? Exit 1 if not."""
        findings = _with_database(lambda database, _: check(database))
        for finding in findings:
            _say(f"{finding.where}: {finding.what}")
        if findings:
            raise typer.Exit(1)
        _say("nothing is missing")

    @app.command("compact")
    def compact_command() -> None:
        """Make an SQLite file as small as it can be; writing waits meanwhile."""
        _with_database(lambda database, _: compact(database))
        _say("compacted")


def _with_database(act: Callable[[Database, str], Awaitable[ResultT]]) -> ResultT:
    """Do it with the database of the settings."""
    url = StorageSettings.load().database_url

    async def opened() -> ResultT:
        database = Database(url)
        try:
            return await act(database, url)
        finally:
            await database.close()

    return asyncio.run(opened())


async def _move(source: Database, to: str) -> dict[str, int]:
    target = Database(to)
    try:
        return await move(source, target)
    finally:
        await target.close()


def _say(line: str) -> None:
    typer.echo(line)
