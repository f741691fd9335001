"""Batches become rows: once, completely, and the same in whatever order they arrive."""

import asyncio
import random
import struct
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select

from tests.support.messages import START, make_alert, make_gap, make_score, make_session
from tests.support.stored import item, items
from tonewatch.shared.messages import (
    AlertState,
    Granularity,
    Message,
    SessionEvent,
    SessionState,
    Speaker,
)
from tonewatch.storage.database import Database
from tonewatch.storage.errors import RowRefusedError
from tonewatch.storage.incoming import Item
from tonewatch.storage.models import (
    AlertTransition,
    Base,
    EmotionRecord,
    EmotionSteps,
    steps_of_record,
)
from tonewatch.storage.models import Session as SessionRow
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.steps import unpack_steps
from tonewatch.storage.store import Store

LABELS = {"agent_id": "坐席7", "queue": "售后", "customer_tier": "vip"}


async def _dump(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables without what depends on the moment of writing, in a fixed order."""
    dump = {}
    for model in (*Base.registry.mappers,):
        table = model.local_table
        assert isinstance(table, Table)
        if table.name == "rollup_positions":
            continue
        columns = [c for c in table.columns if c.name not in ("id", "stored_at")]
        async with database.read() as session:
            rows = (await session.execute(select(*columns))).mappings().all()
        dump[table.name] = sorted((dict(row) for row in rows), key=repr)
    return dump


async def _marked(database: Database) -> list[int]:
    model = EmotionRecord
    async with database.read() as session:
        return list(
            await session.scalars(
                select(model.seq).where(model.alert_triggered).order_by(model.seq)
            )
        )


def _a_call() -> list[Message]:
    """A call of two tracks with an alert, a gap and an utterance."""
    return [
        make_session(labels=LABELS, speakers=(Speaker.CUSTOMER, Speaker.AGENT)),
        *(
            make_score(seq, "angry", speaker=speaker, labels=LABELS)
            for seq in range(8)
            for speaker in (Speaker.CUSTOMER, Speaker.AGENT)
        ),
        make_score(8, "no_speech", speaker=Speaker.CUSTOMER, labels=LABELS),
        make_score(8, "sad", speaker=Speaker.CUSTOMER, granularity="utterance", labels=LABELS),
        make_gap(8, 9, speaker=Speaker.AGENT, labels=LABELS),
        make_alert(speaker=Speaker.CUSTOMER, labels=LABELS),
        make_alert(
            AlertState.RESOLVED,
            speaker=Speaker.CUSTOMER,
            last_seq=6,
            labels=LABELS,
            at=START + timedelta(seconds=8),
        ),
        make_session(
            SessionState.ENDED, labels=LABELS, at=START + timedelta(seconds=10), frames=10
        ),
    ]


async def test_a_batch_stored_twice_is_stored_once(database: Database, store: Store) -> None:
    batch = items(_a_call())
    first = await store.write(batch)
    assert first == {"emotion_records": 18, "gaps": 1, "alerts": 1}
    dump = await _dump(database)
    again = await store.write(batch)
    assert again == {"emotion_records": 0, "gaps": 0, "alerts": 0}
    assert await _dump(database) == dump
    assert [row["seq"] for row in dump["emotion_records"] if row["alert_triggered"]] == [3, 4, 5, 6]
    assert all(row["agent_id"] == "坐席7" for row in dump["emotion_records"])


@pytest.mark.parametrize("seed", range(6))
async def test_order_batches_and_repeats_make_no_difference(
    seed: int, database: Database, store: Store
) -> None:
    chance = random.Random(seed)
    messages = _a_call() + chance.choices(_a_call(), k=8)
    chance.shuffle(messages)
    while messages:
        size = chance.randint(1, 6)
        await store.write(items(messages[:size]))
        del messages[:size]
    found = await _dump(database)
    async with database.write() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "rollup_positions":
                await connection.execute(table.delete())
    await store.write(items(_a_call()))
    assert found == await _dump(database)


@pytest.mark.parametrize("granularity", ["frame", "utterance"])
@pytest.mark.parametrize("shift", [timedelta(hours=1), timedelta(days=1), timedelta(days=-3)])
async def test_a_second_under_another_timestamp_is_the_same_second(
    shift: timedelta, granularity: str, database: Database, store: Store
) -> None:
    def scores(*seqs: int, moved: timedelta = timedelta(0)) -> list[Item]:
        made = [make_score(seq, granularity=granularity) for seq in seqs]
        return items([s.model_copy(update={"captured_at": s.captured_at + moved}) for s in made])

    await store.write(scores(0, 1))
    for seen in (False, True):  # by the roll-ups
        if seen:
            await Rollups(database).catch_up()
        again = [*scores(0, 1, moved=shift), *scores(2 + seen), *scores(2 + seen, moved=shift)]
        assert (await store.write(again))["emotion_records"] == 1
    rows = (await _dump(database))["emotion_records"]
    assert sorted(row["seq"] for row in rows) == [0, 1, 2, 3]
    assert {row["timestamp"].date() for row in rows} == {START.date()}


async def test_seconds_are_marked_whether_the_alert_comes_before_after_or_with_them(
    database: Database, store: Store
) -> None:
    await store.write(items([make_score(seq) for seq in (2, 3)]))
    await store.write(items([make_alert(first_seq=3, last_seq=6), make_score(4)]))
    await store.write(items([make_score(seq) for seq in (5, 6, 7)]))
    await store.write(items([make_score(5, session_id="call-2")]))
    await store.write(items([make_score(5, speaker=Speaker.AGENT)]))
    assert await _marked(database) == [3, 4, 5, 6]


async def test_a_second_and_its_alert_written_by_two_processes_at_once_meet(
    database: Database, store: Store, database_url: str
) -> None:
    other = Database(database_url)
    calls = [f"call-{number}" for number in range(25)]
    await store.write(items([make_session(session_id=call) for call in calls]))
    for call in calls:
        await asyncio.gather(
            store.write(items([make_score(3, session_id=call)])),
            Store(other).write(items([make_alert(session_id=call, alert_id=call)])),
        )
    await other.close()
    assert await _marked(database) == [3] * len(calls)


async def test_the_first_message_of_an_unannounced_session_makes_its_row(
    database: Database, store: Store
) -> None:
    await store.write(items([make_score(7, labels=LABELS), make_gap(8, 8, session_id="call-2")]))
    async with database.read() as session:
        rows = {row.session_id: row for row in await session.scalars(select(SessionRow))}
    assert rows["call-1"].started_at == START
    assert rows["call-1"].labels == LABELS
    assert (rows["call-1"].state, rows["call-1"].frames) == ("started", None)
    assert rows["call-2"].started_at == START - timedelta(seconds=1)


@pytest.mark.parametrize(
    "poison",
    [
        make_score(seq=1).model_copy(update={"seq": 2**70}),
        make_score(start_ms=2**63),
        make_gap(0, 1).model_copy(update={"last_seq": 2**64}),
        make_session(SessionState.ENDED, frames=2**70),
        make_alert(last_seq=2**63),
    ],
    ids=["seq", "start", "gap", "session", "alert"],
)
async def test_a_row_that_cannot_be_stored_is_refused_and_takes_its_batch_back(
    poison: Message, database: Database, store: Store
) -> None:
    with pytest.raises(RowRefusedError):
        await store.write([item(make_score(1)), item(poison), item(make_score(2))])
    assert all(not rows for rows in (await _dump(database)).values())


async def test_text_that_only_postgresql_refuses_is_refused_there(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(RowRefusedError):
        await Store(database).write([item(make_gap(1, 2, detail="a\0b"))])
    await database.close()


async def test_the_fine_matrix_is_stored_with_its_second(database: Database, store: Store) -> None:
    blob = struct.pack("<18f", *([0.125] * 9 + [0.5] * 9))
    await store.write([item(make_score(0, steps=2), steps=blob), item(make_score(1))])
    async with database.read() as session:
        query = select(EmotionRecord.seq, EmotionSteps.steps).join(EmotionSteps, steps_of_record())
        found = [(row[0], row[1]) for row in await session.execute(query)]
    assert [(seq, unpack_steps(steps)) for seq, steps in found] == [(0, [[0.125] * 9, [0.5] * 9])]


async def test_every_transition_of_an_alert_is_kept(database: Database, store: Store) -> None:
    await store.write(items([m for m in _a_call() if not isinstance(m, SessionEvent)]))
    async with database.read() as session:
        rows = (await session.scalars(select(AlertTransition).order_by(AlertTransition.at))).all()
    assert [(row.state, row.first_seq, row.last_seq) for row in rows] == [
        ("firing", 3, 4),
        ("resolved", 3, 6),
    ]


@pytest.mark.parametrize("alert_first", [True, False])
async def test_an_alert_marks_seconds_and_no_utterance_of_the_same_number(
    database: Database, store: Store, alert_first: bool
) -> None:
    utterance = make_score(4, "angry", granularity=Granularity.UTTERANCE, start_ms=0, end_ms=4_500)
    heard: list[Message] = [*(make_score(seq, "angry") for seq in range(6)), utterance]
    alert = make_alert(first_seq=3, last_seq=4)
    for message in [alert, *heard] if alert_first else [*heard, alert]:
        await store.write([item(message)])
    assert await _marked(database) == [3, 4]
    async with database.read() as session:
        kinds = list(await session.scalars(select(EmotionRecord.granularity)))
    assert kinds.count("utterance") == 1
