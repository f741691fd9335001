"""What is too old goes, kind by kind; what is held or newer stays. Time is given here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.messages import START, make_alert, make_gap, make_score, make_session
from tests.support.stored import item, items, sql
from tonewatch.shared.errors import ConflictError, NotFoundError
from tonewatch.shared.messages import SessionState
from tonewatch.shared.metrics import Metrics
from tonewatch.storage.database import Database
from tonewatch.storage.models import AuditEntry, Base, EmotionHour, Source
from tonewatch.storage.retention import (
    Eraser,
    Label,
    LabelRetention,
    RetentionOptions,
    Sweeper,
    place_hold,
    release_hold,
)
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

OPTIONS = RetentionOptions(
    steps_days=1, seconds_days=3, segments_days=10, alerts_days=20, sessions_days=20, batch_rows=10
)
KEPT_FOR_DAYS = {
    "emotion_steps": 1,
    "emotion_records": 3,
    "segments": 10,
    "gaps": 10,
    "alerts": 20,
    "alert_transitions": 20,
    "sessions": 20,
    "track_rollups": 20,
}
VIP = {"customer_tier": "vip", "agent_id": "a7"}


async def _store_call(
    store: Store, call: str, at: datetime = START, labels: dict[str, str] | None = None
) -> None:
    named: dict[str, Any] = {"session_id": call, "labels": labels or {}}
    matrix = b"\0" * 36
    await store.write(items([make_session(at=at, **named)]))
    await store.write(
        [
            item(
                make_score(seq, "angry", captured_at=at + timedelta(seconds=seq), steps=1, **named),
                steps=matrix,
            )
            for seq in range(25)
        ]
    )
    alert = make_alert(alert_id=call, started_at=at, at=at, **named)
    ended = make_session(SessionState.ENDED, at=at + timedelta(seconds=27), frames=27, **named)
    await store.write(items([make_gap(25, 26, at=at, **named), alert, ended]))


async def _counts(database: Database, tables: Iterable[str] = KEPT_FOR_DAYS) -> dict[str, int]:
    found = {}
    async with database.read() as session:
        for name in tables:
            query = select(func.count()).select_from(Base.metadata.tables[name])
            found[name] = await session.scalar(query) or 0
    return found


async def _sweep(
    database: Database,
    days: float,
    options: RetentionOptions = OPTIONS,
    *,
    data_dir: Path = Path("none"),
) -> None:
    moment = START + timedelta(days=days, hours=1)
    await Sweeper(database, options, Metrics(), data_dir=data_dir, now=lambda: moment).sweep()


async def _calls(database: Database, table: str) -> set[str]:
    columns = Base.metadata.tables[table].columns
    async with database.read() as session:
        return set(await session.scalars(select(columns["session_id"])))


async def test_each_kind_is_kept_for_its_own_time(database: Database, store: Store) -> None:
    await _store_call(store, "call-1")
    await Rollups(database).catch_up()
    everything = await _counts(database)
    assert all(everything.values())
    for days in (1, 3, 10, 20):
        await _sweep(database, days - 0.25)
        assert await _counts(database) == {
            name: everything[name] if kept >= days else 0 for name, kept in KEPT_FOR_DAYS.items()
        }
        await _sweep(database, days + 1)  # PostgreSQL drops a day when all of it is too old
        assert await _counts(database) == {
            name: everything[name] if kept > days else 0 for name, kept in KEPT_FOR_DAYS.items()
        }
    assert (await _counts(database, ["emotion_hours"]))["emotion_hours"] > 0


async def test_embeddings_go_with_their_utterances_and_not_with_their_seconds(
    database: Database, store: Store, tmp_path: Path
) -> None:
    names = {call: f"embeddings/{call}/customer-0.npy" for call in ("old", "held", "new")}
    for call, name in names.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
        days = 8 if call == "new" else 0
        moment = START + timedelta(days=days)
        spoken: dict[str, Any] = {"session_id": call, "granularity": "utterance"}
        await store.write(items([make_score(0, captured_at=moment, embedding_path=name, **spoken)]))
    astray = make_score(1, session_id="old", granularity="utterance", embedding_path="kept.npy")
    (tmp_path / "kept.npy").write_bytes(b"x")
    await store.write(items([astray]))
    await Rollups(database).catch_up()
    await place_hold(database, "held", by="legal", reason="case 12")
    await _sweep(database, 5, data_dir=tmp_path)
    assert all((tmp_path / name).exists() for name in names.values())
    await _sweep(database, 12, data_dir=tmp_path)
    assert await _calls(database, "utterances") == {"held", "new"}
    assert sorted(path.name for path in (tmp_path / "embeddings").iterdir()) == ["held", "new"]
    assert (tmp_path / "kept.npy").exists()


async def test_seconds_that_no_roll_up_has_seen_stay(database: Database, store: Store) -> None:
    await _store_call(store, "call-1")
    await _sweep(database, 100)
    assert (await _counts(database))["emotion_records"] == 25
    await Rollups(database).catch_up()
    await _sweep(database, 100)
    assert not any((await _counts(database)).values())


async def test_a_label_has_ages_of_its_own_and_of_several_the_longest_counts(
    database: Database, store: Store
) -> None:
    options = OPTIONS.model_copy(
        update={
            "labels": (
                LabelRetention(label="customer_tier:vip", seconds_days=9),
                LabelRetention(label="agent_id:a7", seconds_days=6),
                LabelRetention(label="queue:trial", seconds_days=0.1),
            )
        }
    )
    await _store_call(store, "vip", labels=VIP)
    await _store_call(store, "plain")
    await _store_call(store, "trial", labels={"queue": "trial"})
    await Rollups(database).catch_up()
    await _sweep(database, 0.5, options)
    assert await _calls(database, "emotion_records") == {"vip", "plain"}
    await _sweep(database, 7, options)
    assert await _calls(database, "emotion_records") == {"vip"}
    await _sweep(database, 11, options)
    assert await _calls(database, "emotion_records") == set()


@pytest.mark.parametrize("target", ["held", Label("customer_tier", "vip")], ids=["call", "label"])
async def test_a_legal_hold_keeps_all_of_a_call_until_it_is_released(
    target: str | Label, database: Database, store: Store
) -> None:
    await _store_call(store, "held", labels=VIP)
    await _store_call(store, "plain")
    await Rollups(database).catch_up()
    hold = await place_hold(database, target, by="legal", reason="case 12")
    await _sweep(database, 100)
    for table in ("emotion_records", "segments", "alerts", "sessions"):
        assert await _calls(database, table) == {"held"}
    assert (await _counts(database))["emotion_steps"] == 25
    await release_hold(database, hold.hold_id, by="legal")
    await _sweep(database, 100)
    assert not any((await _counts(database)).values())
    with pytest.raises(ConflictError, match="released already"):
        await release_hold(database, hold.hold_id, by="legal")
    with pytest.raises(NotFoundError):
        await release_hold(database, "none", by="legal")
    async with database.read() as session:
        actions = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["hold.placed", "hold.released"]


async def test_above_the_ceiling_the_oldest_matrices_go_first_then_seconds_and_nothing_else(
    database: Database, store: Store
) -> None:
    await _store_call(store, "old")
    await _store_call(store, "new", at=START + timedelta(days=1))
    await Rollups(database).catch_up()
    tiny = RetentionOptions(max_gb=1e-9, batch_rows=10)
    await _sweep(database, 1 + 0.05, tiny)
    left = await _counts(database)
    # PostgreSQL drops whole days, and the newer one is not over
    newest = 25 if database.dialect == "postgresql" else 0
    assert (left["emotion_steps"], left["emotion_records"]) == (newest, newest)
    assert (left["segments"], left["alerts"], left["sessions"]) == (2, 2, 2)


async def test_an_sqlite_file_becomes_smaller(
    sqlite: Database, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.storage.retention._space.SPARE_PAGES", 10)
    monkeypatch.setattr("tonewatch.storage.retention._space.PAGES", 7)
    store = Store(sqlite)
    for number in range(40):
        await _store_call(store, f"call-{number}")
    await Rollups(sqlite).catch_up()
    pages = "PRAGMA page_count"
    before = sql(sqlite_path, pages)[0][0]
    await _sweep(sqlite, 5)
    assert sql(sqlite_path, pages)[0][0] < 0.5 * before
    assert 0 < sql(sqlite_path, "PRAGMA freelist_count")[0][0] <= 10


async def test_erasure_removes_a_person_and_nobody_else_and_leaves_a_receipt(
    database: Database, store: Store, tmp_path: Path
) -> None:
    person = {"customer_id": "4711'; DROP TABLE sessions; --", "agent_id": "a7"}
    embedding = tmp_path / "embeddings" / "theirs-0" / "e.npy"
    embedding.parent.mkdir(parents=True)
    embedding.write_bytes(b"x")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.npy"
    outside.write_bytes(b"x")
    for number in range(3):
        await _store_call(store, f"theirs-{number}", labels=person)
    paths = ("embeddings/theirs-0/e.npy", f"../{outside.name}")
    await store.write(
        items(
            make_score(
                n,
                granularity="utterance",
                session_id="theirs-0",
                labels=person,
                embedding_path=path,
            )
            for n, path in enumerate(paths)
        )
    )
    await _store_call(store, "other", labels={"agent_id": "a7"})
    await Rollups(database).catch_up()
    seen: list[str] = []

    async def remove_clips(ids: Any) -> dict[str, int]:
        seen.extend(ids)
        return {"clips": len(ids)}

    label = Label("customer_id", person["customer_id"])
    eraser = Eraser(database, tmp_path, [remove_clips])
    receipt = await eraser.erase(label, by="dpo", reason="asked for it")
    assert (receipt.sessions, receipt.removed["emotion_records"]) == (3, 77)
    assert (receipt.removed["embedding files"], receipt.removed["clips"]) == (1, 3)
    assert not embedding.parent.exists()
    assert outside.exists()
    assert sorted(seen) == ["theirs-0", "theirs-1", "theirs-2"]
    for table in ("emotion_records", "segments", "alerts", "gaps", "sessions", "track_rollups"):
        assert await _calls(database, table) == {"other"}
    assert (await _counts(database))["emotion_steps"] == 25
    async with database.read() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
        agents = set(await session.scalars(select(EmotionHour.agent_id)))
        labels = (await session.scalars(select(Source.labels))).one()
    assert (entry.actor, entry.action, entry.subject) == ("dpo", "erasure", receipt.erasure_id)
    assert entry.detail["removed"] == receipt.removed
    assert "4711" not in str(entry.detail)
    assert labels == {"agent_id": "a7"}
    assert agents == {"a7"}
    again = await eraser.erase(label, by="dpo", reason="asked twice")
    assert (again.sessions, again.removed) == (0, {})
    await eraser.erase(Label("agent_id", "a7"), by="dpo", reason="left")
    assert (await _counts(database, ["emotion_hours", "alert_hours"])) == {
        "emotion_hours": 0,
        "alert_hours": 0,
    }


async def test_erasure_is_refused_while_a_hold_keeps_one_of_the_calls(
    database: Database, store: Store, tmp_path: Path
) -> None:
    await _store_call(store, "call-1", labels=VIP)
    await _store_call(store, "call-2", labels=VIP)
    await place_hold(database, "call-2", by="legal", reason="case 12")
    with pytest.raises(ConflictError, match="legal hold keeps call-2"):
        await Eraser(database, tmp_path).erase(
            Label("customer_tier", "vip"), by="dpo", reason="asked"
        )
    assert await _calls(database, "sessions") == {"call-1", "call-2"}
