"""The schema: made by migrations, the same as the models, and never left half made."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from tests.support.stored import sql
from tonewatch.shared.database import sqlite_url
from tonewatch.storage.database import MIGRATIONS, Database
from tonewatch.storage.migrations.names import VERSION_TABLE
from tonewatch.storage.models import Base


async def test_migrations_lead_to_the_tables_of_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        return list(compare_metadata(context, Base.metadata))

    async with database.write() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_table_has_the_columns_that_reports_name(
    sqlite: Database, sqlite_path: Path
) -> None:
    columns = [row[1] for row in sql(sqlite_path, "PRAGMA table_info(emotion_records)")]
    assert columns[:8] == [
        "id",
        "timestamp",
        "audio_id",
        "emotion",
        "confidence",
        "granularity",
        "embedding_path",
        "alert_triggered",
    ]


async def test_a_migration_that_is_cut_off_leaves_nothing_behind(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url(sqlite_path))
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            await database.prepare()
    assert sql(sqlite_path, "SELECT name FROM sqlite_master") == []
    await database.prepare()
    assert ("emotion_records",) in sql(sqlite_path, "SELECT name FROM sqlite_master")
    await database.close()


def _power_cut(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


PREPARE = """
import asyncio, sys
from tonewatch.storage.database import Database

async def prepare(url):
    database = Database(url)
    await database.prepare()
    await database.close()

sys.stdin.read()
asyncio.run(prepare(sys.argv[1]))
"""


def test_processes_that_start_at_once_make_the_schema_once(database_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", PREPARE, database_url], stdin=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()  # the word to go, after all have started
        assert [process.wait(timeout=60) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()


def test_the_migrations_lie_in_the_package() -> None:
    package, _, folder = MIGRATIONS.partition(":")
    assert resources.files(package).joinpath(folder, "versions", "v0001_first.py").is_file()
