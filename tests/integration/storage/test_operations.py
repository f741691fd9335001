"""Backup, restore, move and check, on real databases."""

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from typer.testing import CliRunner

from tests.support.messages import make_alert, make_gap, make_score, make_session
from tests.support.stored import item, items, sql
from tests.support.wait import wait_until
from tonewatch.shared.database import close_engine, create_engine, sqlite_url
from tonewatch.shared.errors import ConflictError, InvalidInputError, UnavailableError
from tonewatch.shared.messages import SessionState
from tonewatch.storage.database import Database
from tonewatch.storage.models import Base, EmotionRecord, EmotionSteps, Segment
from tonewatch.storage.operations import backup, check, compact, move, restore
from tonewatch.storage.operations._check import uncovered
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

LABELS = {"agent_id": "坐席7 🎧", "note": "line\nbreak '; DROP TABLE sessions; --"}
SECONDS = 30


async def _fill(database: Database) -> None:
    store = Store(database)
    await store.write(items([make_session(labels=LABELS, name="线路 📞\n'\"")]))
    matrix = b"\0" * 36
    scores = [make_score(seq, "angry", labels=LABELS, steps=1) for seq in range(SECONDS - 2)]
    await store.write([item(score, steps=matrix) for score in scores])
    ended = make_session(SessionState.ENDED, labels=LABELS, frames=SECONDS)
    gap = make_gap(SECONDS - 2, SECONDS - 1, labels=LABELS)
    await store.write(items([gap, make_alert(labels=LABELS), ended]))
    await Rollups(database).catch_up()


async def _counts(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


async def _empty_postgres(url: str, name: str) -> str:
    """Another database on the same server."""
    engine = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await close_engine(engine)
    return url.replace("/postgres?", f"/{name}?")


async def test_a_backup_restored_holds_the_same(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await _fill(database)
    copy = tmp_path / "copies" / "tonewatch.backup"
    await backup(database, database_url, copy)
    await Store(database).write(items([make_score(0, session_id="later")]))
    if database.dialect == "sqlite":
        url = sqlite_url(tmp_path / "other.db")
    else:
        url = await _empty_postgres(database_url, "restored")
    other = Database(url)
    await restore(other, url, copy)
    counts = await _counts(other)
    assert counts["emotion_records"] == SECONDS - 2
    assert counts == (await _counts(database)) | {
        "emotion_records": SECONDS - 2,
        "sessions": 1,
    } | {name: counts[name] for name in counts if name.startswith("search")}
    assert await check(other) == []
    assert (await Store(other).write(items([make_score(99)])))["emotion_records"] == 1
    await other.close()
    with pytest.raises(ConflictError, match="exists already"):
        await backup(database, database_url, copy)
    with pytest.raises(ConflictError, match=r"replace|new one"):
        await restore(database, database_url, copy)


async def test_a_backup_is_one_state_while_the_writer_goes_on(
    sqlite: Database, sqlite_path: Path, tmp_path: Path
) -> None:
    store, stop = Store(sqlite), asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            pair = [make_score(n, session_id=f"call-{written}") for n in (0, 1)]
            await store.write(items(pair))
            written += 1

    def _more_than(number: int) -> bool:
        return written > number

    writing = asyncio.create_task(write())
    for number in range(5):
        await wait_until(partial(_more_than, number))
        before, copy = written, tmp_path / f"{number}.db"
        await backup(sqlite, sqlite_url(sqlite_path), copy)
        pairs = sql(copy, "SELECT COUNT(*) FROM emotion_records")[0][0]
        assert pairs % 2 == 0
        assert before <= pairs // 2 <= written
    stop.set()
    await writing


async def test_a_file_that_is_replaced_stays_beside_the_restored_one(
    sqlite: Database, sqlite_path: Path, tmp_path: Path
) -> None:
    await _fill(sqlite)
    copy = tmp_path / "copy.db"
    url = sqlite_url(sqlite_path)
    await backup(sqlite, url, copy)
    await Store(sqlite).write(items([make_score(0, session_id="later")]))
    await sqlite.close()
    await restore(sqlite, url, copy, replace=True)
    assert sql(sqlite_path, "SELECT COUNT(*) FROM sessions") == [(1,)]
    kept = sqlite_path.with_name(f"{sqlite_path.name}.before-restore")
    assert sql(kept, "SELECT COUNT(*) FROM sessions") == [(2,)]


async def test_what_is_no_backup_is_refused_and_nothing_is_touched(
    sqlite: Database, sqlite_path: Path, tmp_path: Path
) -> None:
    await _fill(sqlite)
    nothing, other = tmp_path / "text.txt", tmp_path / "other.db"
    nothing.write_text("no database")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    for source in (nothing, other, tmp_path / "missing"):
        with pytest.raises(InvalidInputError):
            await restore(sqlite, sqlite_url(sqlite_path), source, replace=True)
    assert (await _counts(sqlite))["emotion_records"] == SECONDS - 2


async def test_a_dump_that_fails_says_why_and_leaves_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    url = postgres_url.replace("/postgres?", "/nowhere?")
    database = Database(url)
    with pytest.raises(UnavailableError, match="nowhere"):
        await backup(database, url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    await database.close()


async def test_a_move_to_postgresql_keeps_everything_and_goes_on_there(
    sqlite: Database, postgres_url: str
) -> None:
    await _fill(sqlite)
    target = Database(postgres_url)
    moved = await move(sqlite, target)
    assert moved == await _counts(sqlite) == await _counts(target)
    assert await check(target) == []
    async with target.read() as session:
        record = (await session.scalars(select(EmotionRecord).where(EmotionRecord.seq == 3))).one()
        assert (record.labels, record.alert_triggered) == (LABELS, True)
        assert (await session.scalar(select(func.count(EmotionSteps.id)))) == SECONDS - 2
    more = [make_score(seq, "angry", labels=LABELS) for seq in range(40)]
    written = await Store(target).write(items([*more, make_gap(90, 91)]))
    assert (written["emotion_records"], written["gaps"]) == (40 - (SECONDS - 2), 1)
    await Rollups(target).catch_up()
    async with target.read() as session:
        assert len((await session.scalars(select(Segment))).all()) == 1
    with pytest.raises(ConflictError, match="holds rows already"):
        await move(sqlite, target)
    with pytest.raises(InvalidInputError, match="not from postgresql to sqlite"):
        await move(target, sqlite)
    await target.close()


async def test_a_move_that_fails_moves_nothing(
    sqlite: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(sqlite)
    target = Database(postgres_url)

    async def broken(*_: object) -> None:
        raise OSError("the connection is gone")

    monkeypatch.setattr("tonewatch.storage.operations._move._continue_sequences", broken)
    with pytest.raises(UnavailableError):
        await move(sqlite, target)
    counts = await _counts(target)
    assert {name for name, count in counts.items() if count} == {"rollup_positions"}
    await target.close()


async def test_check_finds_seconds_that_are_neither_scored_nor_in_a_gap(
    database: Database,
) -> None:
    await _fill(database)
    assert await check(database) == []
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM gaps"))
    (finding,) = await check(database)
    assert finding.where == "session call-1, mixed"
    assert finding.what == "2 seconds neither scored nor in a gap: 28-29"


async def test_check_finds_a_damaged_file(sqlite: Database, sqlite_path: Path) -> None:
    await _fill(sqlite)
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master "
            "WHERE name = 'ix_gaps_at') WHERE name = 'ix_segments_started_at'"
        )
    await sqlite.close()
    damaged = Database(sqlite_url(sqlite_path))
    findings = await check(damaged)
    assert findings
    assert {finding.where for finding in findings} == {"file"}
    await damaged.close()


@pytest.mark.parametrize(
    ("ranges", "holes"),
    [
        ([], [(0, 9)]),
        ([(0, 9)], []),
        ([(3, 4), (0, 1)], [(2, 2), (5, 9)]),
        ([(0, 5), (2, 3), (4, 20)], []),
        ([(12, 20)], [(0, 9)]),
    ],
)
def test_what_ranges_leave_uncovered(
    ranges: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    assert uncovered(ranges, 10) == holes


async def test_compacting_an_older_file_lets_it_shrink_from_then_on(
    sqlite_path: Path,
) -> None:
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE filler (x)")
    database = Database(sqlite_url(sqlite_path))
    await database.prepare()
    assert sql(sqlite_path, "PRAGMA auto_vacuum") == [(0,)]
    await compact(database)
    assert sql(sqlite_path, "PRAGMA auto_vacuum") == [(2,)]
    await database.close()


def test_the_command_line_does_it_all(
    sqlite_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonewatch.shared.runtime._cli import build_cli
    from tonewatch.storage.operations.cli import add_commands
    from tonewatch.storage.service import StorageService
    from tonewatch.storage.settings import StorageSettings

    app = build_cli(StorageService, StorageSettings)
    add_commands(app)
    monkeypatch.setenv("TONEWATCH_DATA_DIR", str(sqlite_path.parent))
    run = CliRunner().invoke
    assert "up to date" in run(app, ["migrate"]).output
    assert "bytes" in run(app, ["backup", str(tmp_path / "copy")]).output
    assert "nothing is missing" in run(app, ["check"]).output
    assert "compacted" in run(app, ["compact"]).output
    assert "restored" in run(app, ["restore", str(tmp_path / "copy"), "--replace"]).output
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute(
            "INSERT INTO sessions (session_id, source_id, name, kind, lane, speakers, labels, "
            "state, started_at, frames, reason) VALUES ('c', 's', '', '', '', '[\"mixed\"]', '{}', "
            "'ended', '2026-01-04 09:00:00.000000', 2, '')"
        )
        connection.commit()
    answer = run(app, ["check"])
    assert (answer.exit_code, answer.output) == (
        1,
        "session c, mixed: 2 seconds neither scored nor in a gap: 0-1\n",
    )
