"""The schema: made by migrations, the same as the models, and never left half made."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, DateTime, MetaData, select

from tests.support.messages import START, make_score, posterior
from tests.support.stored import item, sql
from tonewatch.shared.database import close_engine, create_engine, migrate, sqlite_url
from tonewatch.shared.errors import ConfigurationError
from tonewatch.storage.columns import UtcDateTime
from tonewatch.storage.database import MIGRATIONS, Database
from tonewatch.storage.migrations.names import VERSION_TABLE
from tonewatch.storage.models import (
    POSTERIOR,
    Alert,
    AlertHour,
    Base,
    EmotionRecord,
    EmotionSteps,
    Segment,
    Source,
    TrackRollup,
    steps_of_record,
)
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

SECONDS_KEY = "uq_emotion_records_session_id_speaker_seq_granularity"


async def test_migrations_lead_to_the_tables_of_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_server_default": True,
                "include_object": _is_of_the_models,
            },
        )
        return list(compare_metadata(context, Base.metadata))

    async with database.write() as connection:
        assert await connection.run_sync(differences) == []


def _is_of_the_models(_item: object, name: str | None, kind: str, *_more: object) -> bool:
    """Partitions are no tables of their own; a partitioned key has the timestamp in it."""
    if kind == "unique_constraint" and name == SECONDS_KEY:
        return False
    return kind != "table" or name in Base.metadata.tables


async def test_databases_of_one_process_can_be_migrated_at_the_same_time(tmp_path: Path) -> None:
    databases = [Database(sqlite_url(tmp_path / f"{number}.db")) for number in range(2)]
    await asyncio.gather(*(each.prepare() for each in databases))
    for each in databases:
        async with each.read() as session:
            assert list(await session.scalars(select(Segment))) == []
        await each.close()


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


def _released_rows() -> dict[str, list[dict[str, Any]]]:
    """What a database of the first schema holds: two days, labels, a matrix, an alert."""
    record = {
        **dict.fromkeys(["audio_id", "session_id"], "call-1"),
        **dict.fromkeys(["source_id"], "source-1"),
        **dict.fromkeys(["speech", "level_dbfs", "window_seconds"], 1.0),
        **dict.fromkeys(["engine", "model", "revision"], "fake"),
        **dict.fromkeys(["published_at", "scored_at", "stored_at"], START),
        **dict(zip(POSTERIOR, posterior("angry"), strict=True)),
        "emotion": "angry",
        "confidence": 0.9,
        "granularity": "frame",
        "speaker": "mixed",
        "labels": {"agent_id": "坐席7"},
        "agent_id": "坐席7",
    }
    call = {"session_id": "call-1", "source_id": "source-1", "labels": {"agent_id": "坐席7"}}
    alert = {"alert_id": "a", "rule": "angry", "first_seq": 1, "last_seq": 2, "state": "firing"}
    return {
        "sessions": [
            call
            | {"name": "line 1", "kind": "pull", "lane": "live", "speakers": ["mixed"]}
            | {"state": "started", "started_at": START, "reason": ""}
        ],
        "emotion_records": [
            record
            | {"timestamp": START + timedelta(hours=20 * (seq > 1), seconds=seq), "seq": seq}
            | {"start_ms": 1000 * seq, "end_ms": 1000 * seq + 1000, "alert_triggered": seq > 0}
            | {"steps": b"\0" * 18 if seq else None}
            for seq in range(3)
        ],
        "alerts": [
            call
            | alert
            | {"priority": "high", "speaker": "mixed", "agent_id": "坐席7", "channels": []}
            | {"emotions": ["angry"], "value": 0.9, "threshold": 0.5, "message": "m"}
            | {"started_at": START + timedelta(minutes=59), "decided_at": START}
        ],
    }


async def _fill_released(url: str) -> None:
    engine = create_engine(url)
    await migrate(engine, MIGRATIONS, "0001")
    async with engine.begin() as connection:
        released = MetaData()
        await connection.run_sync(released.reflect)
        for table, rows in _released_rows().items():
            there = released.tables[table]
            for column in there.columns:  # as the first schema's own code wrote them
                if isinstance(column.type, DateTime):
                    column.type = UtcDateTime()
            await connection.execute(there.insert(), rows)
    await close_engine(engine)


async def test_a_database_of_the_first_release_is_brought_forward_with_all_it_holds(
    database_url: str,
) -> None:
    await _fill_released(database_url)
    database = Database(database_url)
    async with database.read() as session:
        query = select(EmotionRecord, EmotionSteps.steps).outerjoin(EmotionSteps, steps_of_record())
        found = (await session.execute(query.order_by(EmotionRecord.seq))).all()
        source = (await session.scalars(select(Source))).one()
        hour = (await session.scalars(select(AlertHour))).one()
        alert = (await session.scalars(select(Alert))).one()
    assert [row.seq for row, _ in found] == [0, 1, 2]
    assert [steps for _, steps in found] == [None, b"\0" * 18, b"\0" * 18]
    assert found[2][0].timestamp == START + timedelta(hours=20, seconds=2)
    assert found[0][0].labels == {"agent_id": "坐席7"}
    assert [row.alert_triggered for row, _ in found] == [False, True, True]
    assert {row.hop_seconds for row, _ in found} == {1}
    assert (source.name, source.first_seen_at) == ("line 1", START)
    assert (hour.hour, hour.rule, hour.agent_id, hour.alerts) == (START, "angry", "坐席7", 1)
    assert (alert.action, alert.subject, alert.verdict) == ("alert", "emotion", None)
    second_again = make_score(2, "angry", captured_at=found[2][0].timestamp)
    await Store(database).write([item(make_score(3)), item(second_again)])
    await Rollups(database).catch_up()
    async with database.read() as session:
        track = (await session.scalars(select(TrackRollup))).one()
        segments = (await session.scalars(select(Segment).order_by(Segment.first_seq))).all()
    assert (track.seconds, track.angry_seconds) == (4, 3)
    assert [(s.emotion, s.first_seq, s.last_seq) for s in segments] == [
        ("angry", 0, 2),
        ("neutral", 3, 3),
    ]
    await database.close()


async def test_a_database_of_a_newer_schema_is_refused_and_says_what_to_do(
    database: Database, database_url: str
) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql(
            f"UPDATE {VERSION_TABLE} SET version_num = '9999'"  # noqa: S608 - a constant
        )
    older = Database(database_url)
    with pytest.raises(ConfigurationError, match=r"9999.*newer.*upgrade"):
        await older.prepare()
    await older.close()


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
