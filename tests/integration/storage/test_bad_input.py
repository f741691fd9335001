"""Whatever fields hold, and whenever it comes: stored as it is, or refused with a sentence."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.support.messages import START, make_alert, make_gap, make_score, make_session
from tests.support.stored import item, items
from tonewatch.shared.broker import Delivery, Entry
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import SessionState
from tonewatch.shared.streams import SCORES
from tonewatch.storage import partitions
from tonewatch.storage.database import Database
from tonewatch.storage.incoming import item_of
from tonewatch.storage.models import Alert, EmotionRecord, Gap, Segment, Session, Source
from tonewatch.storage.partitions import Partitions
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

NASTY = '\'; DROP TABLE sessions; --\n"😡" 生气\t\\ %s ? :x $1 {}'


async def test_sql_emoji_and_newlines_in_every_field_are_stored_as_they_are(
    database: Database, store: Store
) -> None:
    labels = {"agent_id": NASTY, "queue": NASTY, NASTY[:60]: NASTY}
    await store.write(items([make_session(name=NASTY, kind=NASTY[:32], labels=labels)]))
    await store.write(items([make_session(SessionState.ENDED, reason=NASTY, labels=labels)]))
    await store.write(
        items(
            [
                make_score(0, labels=labels, engine=NASTY, model=NASTY, revision=NASTY),
                make_gap(1, 2, detail=NASTY, labels=labels),
                make_alert(rule=NASTY, message=NASTY, alert_id=NASTY, labels=labels),
            ]
        )
    )
    await Rollups(database).catch_up()
    async with database.read() as session:
        call = (await session.scalars(select(Session))).one()
        record = (await session.scalars(select(EmotionRecord))).one()
        alert = (await session.scalars(select(Alert))).one()
        gap = (await session.scalars(select(Gap))).one()
        source = (await session.scalars(select(Source))).one()
        segment = (await session.scalars(select(Segment))).one()
    assert (call.name, call.reason, call.labels) == (NASTY, NASTY, labels)
    assert (record.labels, record.engine, record.agent_id) == (labels, NASTY, NASTY)
    assert (alert.rule, alert.message, alert.alert_id) == (NASTY, NASTY, NASTY)
    assert (gap.detail, source.name, segment.agent_id) == (NASTY, NASTY, NASTY)


async def test_a_label_of_ten_kilobytes_is_cut_and_its_second_stored(
    database: Database, store: Store
) -> None:
    labels = {"note": "注" * 10_240, "agent_id": "7" * 257, "queue": "售" * 256}
    header = make_score(0).model_copy(update={"labels": labels})
    entry = Entry("1-0", {"h": header.model_dump_json().encode()})
    await store.write([item_of(Delivery(SCORES, 0, "storage", entry))])
    async with database.read() as session:
        record = (await session.scalars(select(EmotionRecord))).one()
    assert record.labels == {
        "note": "注" * 255 + "…",
        "agent_id": "7" * 255 + "…",
        "queue": "售" * 256,
    }
    assert record.agent_id == record.labels["agent_id"]


def test_what_is_wrong_beside_a_long_label_is_still_refused() -> None:
    header = make_score(0).model_copy(update={"labels": {"note": "x" * 10_240}})
    text = header.model_dump_json().replace('"seq":0', '"seq":-1')
    entry = Entry("1-0", {"h": text.encode()})
    with pytest.raises(InvalidMessageError, match=r"seq.*greater than or equal to 0"):
        item_of(Delivery(SCORES, 0, "storage", entry))


async def test_many_long_labels_are_stored(database: Database, store: Store) -> None:
    labels = {f"label {number}": "标签" * 128 for number in range(32)}
    await store.write(items([make_session(labels=labels), make_score(0, labels=labels)]))
    async with database.read() as session:
        assert await session.scalar(select(EmotionRecord.labels)) == labels


async def test_a_clock_that_jumps_back_loses_nothing(database: Database, store: Store) -> None:
    jumps = [0, 1, 2, -3600, -3599, -86_400 * 40, 3]
    seconds = [
        make_score(seq, "angry", captured_at=utc_now() + timedelta(seconds=offset))
        for seq, offset in enumerate(jumps)
    ]
    for second in (*seconds, *seconds):
        await store.write([item(second)])
    await Rollups(database).catch_up()
    async with database.read() as session:
        found = list(await session.scalars(select(EmotionRecord.seq).order_by(EmotionRecord.seq)))
        (segment,) = (await session.scalars(select(Segment))).all()
    assert found == list(range(len(jumps)))
    assert (segment.first_seq, segment.last_seq) == (0, len(jumps) - 1)


@pytest.mark.parametrize("year", [1970, 2099])
async def test_a_clock_that_was_never_set_makes_no_partition(year: int, postgres_url: str) -> None:
    database = Database(postgres_url)
    when = datetime(year, 1, 1, tzinfo=UTC)
    await Store(database).write(items([make_score(0, captured_at=when)]))
    async with database.write() as connection:
        days = await partitions.existing(connection, "emotion_records")
        other = await connection.execute(text("SELECT COUNT(*) FROM emotion_records_other"))
        assert (days, other.scalar_one()) == (set(), 1)
    await database.close()


async def test_rows_of_a_day_that_comes_near_move_to_a_partition_of_their_own(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_url)
    await Store(database).write(
        items(make_score(n, captured_at=START + timedelta(days=n)) for n in range(3))
    )
    now = START + timedelta(days=20)
    monkeypatch.setattr(partitions, "utc_now", lambda: now)
    monkeypatch.setattr(partitions, "DAYS_BACK", 1)
    far = now + timedelta(days=5)
    await Store(database).write(items([make_score(7, captured_at=far)]))
    now = far
    await Store(database).write(items([make_score(8, captured_at=far + timedelta(seconds=1))]))
    async with database.write() as connection:
        name = partitions.partition_name("emotion_records", far.date())
        inside = await connection.execute(text(f"SELECT COUNT(*) FROM {name}"))  # noqa: S608
        assert inside.scalar_one() == 2
    await database.close()


async def test_partitions_are_made_once_by_two_processes_at_the_same_time(
    postgres_url: str,
) -> None:
    databases = [Database(postgres_url) for _ in range(2)]
    for database in databases:
        await database.prepare()
    await asyncio.gather(*(Partitions(database).make_ahead() for database in databases))
    async with databases[0].write() as connection:
        assert len(await partitions.existing(connection, "emotion_steps")) == 3
    for database in databases:
        await database.close()


async def test_records_of_a_session_that_was_never_announced_have_one(
    database: Database, store: Store
) -> None:
    await store.write(items([make_score(5, session_id="stray")]))
    async with database.read() as session:
        call: Any = await session.get(Session, "stray")
        assert (call.name, call.speakers, call.started_at) == ("", [], START)
        assert await session.scalar(select(func.count()).select_from(Source)) == 0
