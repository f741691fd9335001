"""A copy of the database while it is written to, and back again.

SQLite copies itself with VACUUM INTO: one consistent state, already compact, and the writer goes on
meanwhile. PostgreSQL has pg_dump. A copy appears under its name only when it is whole.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from tonewatch.shared.errors import ConflictError, InvalidInputError
from tonewatch.storage.database import Database
from tonewatch.storage.errors import translated
from tonewatch.storage.migrations.names import VERSION_TABLE
from tonewatch.storage.operations._postgres import run_program


async def backup(database: Database, url: str, to: Path) -> None:
    """Write a copy to a file that does not exist yet.

    Raises:
        ConflictError: it does.
        InvalidInputError: the copy is damaged, and was removed.
        DatabaseUnavailableError: the database does not serve.
    """
    partial = await asyncio.to_thread(_place_for, to)
    if database.file is None:
        await run_program("pg_dump", url, "--format=custom", f"--file={partial}")
    else:
        await asyncio.to_thread(_copy_sqlite, database.file, partial)
        await asyncio.to_thread(_require_sound, partial)
    await asyncio.to_thread(_finish, partial, to)


async def restore(database: Database, url: str, source: Path, *, replace: bool = False) -> None:
    """Put a copy in the place of the database; the service must not be running.

    An SQLite file that is replaced stays beside it, under the name `....before-restore`.

    Raises:
        InvalidInputError: the copy is none, or damaged.
        ConflictError: the database is not empty, and `replace` was not asked for (PostgreSQL:
            never replaced; restore into a new database).
    """
    await asyncio.to_thread(_require_file, source)
    if database.file is None:
        await _require_empty(database)
        await run_program("pg_restore", url, "--no-owner", "--exit-on-error", str(source))
        return
    await asyncio.to_thread(_require_sound, source)
    await asyncio.to_thread(_put_in_place, source, database.file, replace)


async def compact(database: Database) -> None:
    """Rewrite an SQLite file without its free pages; from then on they can be given back.

    The writer waits meanwhile (messages stay in Redis); PostgreSQL sees to it by itself.
    """
    if database.file is not None:
        await database.run_script("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")


def _place_for(copy: Path) -> Path:
    if copy.exists():
        raise ConflictError(f"{copy} exists already; a backup replaces nothing")
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    return partial


def _finish(partial: Path, copy: Path) -> None:
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.rename(copy)


def _require_file(backup: Path) -> None:
    if not backup.is_file():
        raise InvalidInputError(f"there is no backup {backup}")


def _copy_sqlite(file: Path, to: Path) -> None:
    """One consistent state; others write meanwhile."""
    if not file.is_file():
        raise InvalidInputError(f"there is no database {file}")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(to),))
        except sqlite3.Error as error:
            raise translated(error) from error


def _require_sound(file: Path) -> None:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            connection.execute(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own
        except sqlite3.DatabaseError as error:
            raise InvalidInputError(f"{file} is no database of storage: {error}") from error
    if answer != "ok":
        raise InvalidInputError(f"{file} is damaged: {answer}")


def _put_in_place(source: Path, file: Path, replace: bool) -> None:  # noqa: FBT001 - internal
    if file.exists():
        if not replace:
            raise ConflictError(f"{file} exists; with --replace it is kept beside the restored one")
        for suffix in ("", "-wal", "-shm"):  # together they are the database
            part = file.with_name(file.name + suffix)
            if part.exists():
                part.rename(file.with_name(f"{file.name}.before-restore{suffix}"))
    partial = file.with_name(f"{file.name}.partial")
    shutil.copyfile(source, partial)
    _finish(partial, file)


async def _require_empty(database: Database) -> None:
    async with database.unprepared() as connection:
        found = await connection.execute(
            text("SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()")
        )
        if found.scalar_one():
            raise ConflictError(
                "the database has tables already: restore into a new one (createdb), and name "
                "that in storage.database_url"
            )
