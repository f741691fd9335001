"""Segments and sums are those of all records, whatever order they came in."""

import random
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.messages import START, make_alert, make_score
from tests.support.stored import items
from tonewatch.shared.messages import Granularity, Message, Speaker
from tonewatch.storage.database import Database
from tonewatch.storage.models import Alert, AlertHour, EmotionHour, Segment, TrackRollup, Utterance
from tonewatch.storage.rollups import Rollups, count_verdict
from tonewatch.storage.store import Store

LABELS = {"agent_id": "坐席7", "queue": "售后"}
HEARD = ["angry"] * 3 + ["neutral"] * 2 + ["no_speech"] + ["angry"] * 4


def _call() -> list[Message]:
    seconds = [
        make_score(seq, emotion, 0.6 + 0.03 * seq, speaker=speaker, labels=LABELS)
        for speaker in (Speaker.CUSTOMER, Speaker.AGENT)
        for seq, emotion in enumerate(HEARD)
    ]
    utterance = make_score(0, "sad", granularity=Granularity.UTTERANCE, end_ms=5000, labels=LABELS)
    return [*seconds, utterance]


async def _all(database: Database, model: Any) -> list[dict[str, Any]]:
    async with database.read() as session:
        rows = (await session.execute(select(model.__table__))).mappings().all()
    return sorted((dict(row) for row in rows), key=repr)


@pytest.mark.parametrize("seed", range(4))
async def test_segments_and_sums_do_not_depend_on_the_order_of_arrival(
    seed: int, database: Database, store: Store
) -> None:
    chance = random.Random(seed)
    messages = _call()
    if seed:
        chance.shuffle(messages)
    rollups = Rollups(database)
    for at in range(0, len(messages), 3):
        await store.write(items(messages[at : at + 3]))
        await store.write(items(messages[at : at + 2]))  # some of them again
        if chance.random() < 0.7:
            await rollups.catch_up()
    await rollups.catch_up()
    await rollups.catch_up()

    segments = [row for row in await _all(database, Segment) if row["speaker"] == "customer"]
    runs = [(r["first_seq"], r["last_seq"], r["emotion"]) for r in segments]
    assert sorted(runs) == [
        (0, 2, "angry"),
        (3, 4, "neutral"),
        (5, 5, "no_speech"),
        (6, 9, "angry"),
    ]
    last = next(row for row in segments if row["first_seq"] == 6)
    assert (last["start_ms"], last["end_ms"]) == (6000, 10_000)
    assert last["confidence_sum"] == pytest.approx(0.78 + 0.81 + 0.84 + 0.87)
    assert last["peak"] == pytest.approx(0.87)

    tracks = await _all(database, TrackRollup)
    assert [(t["seconds"], t["speech_seconds"], t["last_seq"]) for t in tracks] == [(10, 9, 9)] * 2
    assert [(t["angry_seconds"], t["no_speech_seconds"]) for t in tracks] == [(7, 1)] * 2
    hours = {
        row["speaker"]: row
        for row in await _all(database, EmotionHour)
        if row["agent_id"] == "坐席7" and row["queue"] == "售后"
    }
    agent = hours["agent"]
    assert (agent["hour"], agent["seconds"], agent["angry_seconds"]) == (START, 10, 7)
    assert agent["p_angry_sum"] == pytest.approx(tracks[0]["p_angry_sum"])
    assert (agent["happy_seconds"], agent["p_happy_sum"] > 0) == (0, True)
    assert [row["emotion"] for row in await _all(database, Utterance)] == ["sad"]


async def test_two_processes_count_each_second_once(
    database: Database, store: Store, database_url: str
) -> None:
    other = Database(database_url)
    await store.write(items(_call()))
    first, second = Rollups(database), Rollups(other)
    while await first.advance() | await second.advance():
        pass
    assert [row["seconds"] for row in await _all(database, TrackRollup)] == [10, 10]
    await other.close()


async def test_a_verdict_counts_once_and_its_change_moves_the_count(
    database: Database, store: Store
) -> None:
    await store.write(items([make_alert(labels=LABELS), make_alert(labels=LABELS, alert_id="b")]))
    for verdict in ("false_alarm", "false_alarm", "right"):
        async with database.read() as session:
            alert = await session.get(Alert, "alert-1")
        assert alert is not None
        async with database.write() as connection:
            await count_verdict(connection, alert, verdict)
            table = Alert.__table__
            await connection.execute(
                table.update().where(table.c.alert_id == "alert-1").values(verdict=verdict)  # type: ignore[attr-defined]
            )
    (hour,) = await _all(database, AlertHour)
    assert (hour["alerts"], hour["right_verdicts"], hour["false_alarm_verdicts"]) == (2, 1, 0)
