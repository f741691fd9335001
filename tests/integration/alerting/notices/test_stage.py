"""The notices stage on both databases: rows, turns, what survives a restart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select

from tests.integration.alerting.notices.databases import FakeReceivers, Replica, both, receiver
from tests.support.messages import make_alert
from tonewatch.alerting.delivery.filters import Filter
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.tables import VERSION_TABLE, Base, DeliveryState
from tonewatch.alerting.notices.dispatcher import GROUP
from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.alerting.notices.people import AlertChangedError, People
from tonewatch.alerting.notices.silences import NewSilence
from tonewatch.alerting.notices.tables import AlertRow, EventRow, MarkRow, ToldRow
from tonewatch.alerting.settings import CapOptions, NoticeOptions
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.database import Database
from tonewatch.shared.errors import ConflictError
from tonewatch.shared.messages import (
    Alert,
    AlertState,
    AlertSubject,
    Escalation,
    NoticePolicy,
    Priority,
)
from tonewatch.shared.streams import ALERTS

FIRING = make_alert()
RESOLVED = make_alert(AlertState.RESOLVED)


def time_of(clock: list[int], seconds: float = 0) -> datetime:
    return datetime.fromtimestamp(clock[0] / 1000 + seconds, UTC)


def told_ids(payload: str) -> list[str]:
    data = json.loads(payload)["data"]
    return [data["alert_id"], *(other["alert_id"] for other in data["others"])]


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, Base.metadata)
        return found

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_alert_becomes_a_delivery_once_however_often_it_comes(replica: Replica) -> None:
    assert await replica.step(FIRING) == [("firing", ["alert-1"])]
    assert await replica.step(FIRING, FIRING) == []
    assert await replica.step(RESOLVED) == [("resolved", ["alert-1"])]
    assert await replica.step(FIRING, RESOLVED) == []
    notices = [(row.event_type, row.notice) for row in await replica.deliveries()]
    assert notices == [("alert.firing", "firing"), ("alert.resolved", "resolved")]
    assert replica.woken == 2


async def test_replicas_that_are_handed_the_same_tell_it_once(
    database: Database, elsewhere: Database, clock: list[int]
) -> None:
    one, other = Replica(database, clock), Replica(elsewhere, clock)
    alerts = [make_alert(alert_id=f"a{n}", session_id=f"call-{n}") for n in range(20)]
    first, second = await both(one.step(*alerts), other.step(*alerts))
    assert sorted(map(len, (first, second))) == [0, 20]
    assert len(await one.deliveries()) == 20


async def test_replicas_that_find_the_same_due_do_it_once(
    database: Database, elsewhere: Database, clock: list[int]
) -> None:
    one, other = Replica(database, clock), Replica(elsewhere, clock)
    policy = NoticePolicy(escalate=(Escalation(after_seconds=60, channels=("boss",)),))
    await one.step(make_alert(notice=policy))
    clock[0] += 60_000
    told = await both(one.step(), other.step())
    assert sorted(told) == [[], [("escalated", ["alert-1"])]]


async def test_a_backlog_is_worked_off_in_batches_and_acknowledged(
    database: Database,
    clock: list[int],
    memory_broker: MemoryBroker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tonewatch.alerting.notices.dispatcher.BATCH", 2)
    replica = Replica(database, clock, broker=memory_broker)
    alerts = [make_alert(alert_id=f"a{n}", session_id=f"call-{n}") for n in range(5)]
    await memory_broker.publish([Outgoing(ALERTS, alert) for alert in alerts])
    read = await memory_broker.read([ALERTS], GROUP, "me", count=10, block=timedelta(0))
    await replica.dispatcher.process(read)
    assert len(await replica.deliveries()) == 5
    assert await memory_broker.pending(ALERTS, GROUP, "me", count=10) == []


async def test_a_step_that_fails_leaves_everything_as_it_was(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def power_cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replica.ledger, "save", power_cut)
        with pytest.raises(KeyboardInterrupt):
            await replica.step(FIRING)
    async with replica.database.reading() as session:
        for table in (AlertRow, EventRow, ToldRow, MarkRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
    assert await replica.deliveries() == []
    assert await replica.step(FIRING) == [("firing", ["alert-1"])]


async def test_timers_survive_a_restart(database: Database, clock: list[int]) -> None:
    policy = NoticePolicy(
        repeat_seconds=30, escalate=(Escalation(after_seconds=45, channels=("boss",)),)
    )
    firing = make_alert(priority=Priority.MEDIUM, notice=policy, decided_at=time_of(clock))
    assert await Replica(database, clock).step(firing) == []
    told = [await Replica(database, clock).after(15) for _ in range(4)]
    assert told == [
        [("firing", ["alert-1"])],
        [],
        [("repeat", ["alert-1"])],
        [("escalated", ["alert-1"])],
    ]
    rows = await Replica(database, clock).deliveries()
    assert [(row.receiver, row.notice) for row in rows] == [
        ("hook", "firing"),
        ("hook", "repeat-1"),
        ("boss", "escalated-1"),
    ]


async def test_labels_may_hold_what_a_database_does_not_take(replica: Replica) -> None:
    odd = make_alert(labels={"agent_id": "7\x00", "note": "\x00"})
    assert await replica.step(odd) == [("firing", ["alert-1"])]
    assert (await replica.alert("alert-1")).agent == "7"


async def test_alerts_of_a_group_are_one_message_that_lists_them(replica: Replica) -> None:
    alerts = [make_alert(alert_id=f"a{n:02}", rule=f"rule-{n}") for n in range(30)]
    await replica.step(*alerts)
    rows = await replica.deliveries()
    assert [len(told_ids(row.payload)) for row in rows] == [26, 4]
    assert sorted(told_ids(rows[0].payload) + told_ids(rows[1].payload)) == [
        alert.alert_id for alert in alerts
    ]


async def test_an_urgent_alert_takes_along_what_waits_since_an_earlier_step(
    replica: Replica, clock: list[int]
) -> None:
    low = make_alert(alert_id="low", rule="sad", priority=Priority.LOW, decided_at=time_of(clock))
    assert await replica.step(low) == []
    clock[0] += 1000
    assert await replica.step(FIRING) == [("firing", ["alert-1", "low"])]
    assert await replica.after(10) == []


async def test_each_receiver_is_told_of_what_it_wants(database: Database, clock: list[int]) -> None:
    urgent = receiver("urgent", filter=Filter(min_priority=Priority.CRITICAL))
    receivers = FakeReceivers({"webhook": [receiver("all"), urgent]})
    replica = Replica(database, clock, NoticeOptions(inhibit_by_critical=False), receivers)
    critical = make_alert(alert_id="worst", priority=Priority.CRITICAL, rule="threat")
    await replica.step(critical, FIRING)
    rows = {row.receiver: told_ids(row.payload) for row in await replica.deliveries()}
    assert rows == {"all": ["worst", "alert-1"], "urgent": ["worst"]}
    await replica.step(RESOLVED)
    last = (await replica.deliveries())[-1]
    assert (last.receiver, last.event_type) == ("all", "alert.resolved")


async def test_who_wants_no_ends_is_told_of_none(database: Database, clock: list[int]) -> None:
    curt = receiver("curt", filter=Filter(event_types=(EventType.ALERT_FIRING,)))
    replica = Replica(database, clock, receivers=FakeReceivers({"webhook": [curt]}))
    await replica.step(FIRING, RESOLVED)
    assert [row.event_type for row in await replica.deliveries()] == ["alert.firing"]


async def test_an_end_waits_for_the_message_that_told_of_the_beginning(replica: Replica) -> None:
    others = [make_alert(alert_id=name, rule=name) for name in ("b", "c")]
    await replica.step(*others)
    (firing,) = await replica.deliveries()
    ends = [alert.model_copy(update={"state": AlertState.RESOLVED}) for alert in others]
    await replica.step(ends[1])
    waiting = (await replica.deliveries())[-1]
    assert (waiting.alert_id, waiting.after_id) == ("c", firing.id)
    await replica.settle(DeliveryState.DELIVERED, "b", "c")
    await replica.step(ends[0])
    assert (await replica.deliveries())[-1].after_id is None


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.EXPIRED])
async def test_who_was_never_reached_is_not_told_of_an_end(
    replica: Replica, state: DeliveryState
) -> None:
    await replica.step(FIRING)
    await replica.settle(state, "alert-1")
    await replica.step(RESOLVED)
    assert len(await replica.deliveries()) == 1


async def test_a_cooldown_begins_with_the_first_send_that_succeeds(
    replica: Replica, clock: list[int]
) -> None:
    def again(name: str, **changes: Any) -> Alert:
        policy = NoticePolicy(cooldown_seconds=60)
        return make_alert(alert_id=name, notice=policy, decided_at=time_of(clock), **changes)

    await replica.step(again("a"))
    await replica.settle(DeliveryState.FAILED, "a")
    clock[0] += 1000
    assert await replica.step(again("b")) == [("firing", ["b"])]
    clock[0] += 1000
    await replica.settle(DeliveryState.DELIVERED, "b")
    clock[0] += 58_000
    assert await replica.step(again("c")) == []
    held = await replica.alert("c")
    assert (held.hold_reason, held.hold_by) == ("cooldown", "b")
    assert await replica.step(again("d", priority=Priority.CRITICAL)) == [("firing", ["d"])]


async def test_a_silence_can_be_ended_early_and_what_still_fires_is_told(
    replica: Replica, clock: list[int]
) -> None:
    silence = await replica.silences.add(
        NewSilence(
            matchers=("rule=angry",), ends_at=time_of(clock, 3600), author="li", comment="drill"
        )
    )
    assert await replica.step(FIRING) == []
    row = await replica.alert("alert-1")
    assert (row.hold_reason, row.hold_by) == ("silenced", silence.id)
    await replica.silences.expire(silence.id)
    assert await replica.after(0) == [("firing", ["alert-1"])]
    with pytest.raises(ConflictError, match="make a new one"):
        await replica.silences.expire(silence.id)


async def test_a_stream_that_is_up_again_gives_the_floor_to_its_calls(replica: Replica) -> None:
    down = make_alert(alert_id="down", subject=AlertSubject.STREAM, session_id="old-call")
    assert await replica.step(down) == [("firing", ["down"])]
    calls = [make_alert(alert_id=f"a{n}", session_id=f"call-{n}") for n in range(3)]
    assert await replica.step(*calls) == []
    up = down.model_copy(update={"state": AlertState.RESOLVED})
    told = await replica.step(up)
    assert sorted(ids for kind, ids in told if kind == "firing") == [["a0"], ["a1"], ["a2"]]


async def test_caps_are_kept_across_steps_and_tell_what_they_held(
    database: Database, clock: list[int]
) -> None:
    options = NoticeOptions(caps=CapOptions(rule_per_minute=2))
    for number in range(6):
        replica = Replica(database, clock, options)
        alert = make_alert(alert_id=f"a{number}", session_id=f"call-{number}")
        await replica.step(alert)
    assert len(await replica.deliveries()) == 2
    assert await replica.after(60) == [("firing", ["a2", "a3", "a4", "a5"])]
    digest = (await replica.deliveries())[-1]
    assert json.loads(digest.payload)["data"]["held_back"] == 4
    assert told_ids(digest.payload) == ["a2", "a3", "a4", "a5"]


async def test_two_people_at_once_are_told_who_was_first(
    replica: Replica, elsewhere: Database
) -> None:
    await replica.step(FIRING)
    results = await both(
        replica.people.acknowledge("alert-1", "li"),
        People(elsewhere).acknowledge("alert-1", "wang"),
    )
    assert sorted(is_first for _, is_first in results) == [False, True]
    assert len({row.acknowledged_by for row, _ in results}) == 1
    with pytest.raises(AlertChangedError, match="version 2 by now, not 1"):
        await replica.people.assign("alert-1", "li", "zhao", version=1)
    assigned = await replica.people.assign("alert-1", "li", "zhao", version=2)
    assert (assigned.assigned_to, assigned.version) == ("zhao", 3)


async def test_closing_ends_reminders_and_frees_what_it_muted(
    replica: Replica, clock: list[int]
) -> None:
    policy = NoticePolicy(repeat_seconds=30)
    critical = make_alert(
        alert_id="worst", priority=Priority.CRITICAL, rule="threat", notice=policy
    )
    await replica.step(critical, FIRING)
    assert (await replica.alert("alert-1")).hold_by == "worst"
    await replica.people.close("worst", "li", AlertVerdict.RIGHT)
    assert await replica.after(1) == [("firing", ["alert-1"])]
    assert await replica.after(300) == []
    with pytest.raises(AlertChangedError, match="was closed by li as right"):
        await replica.people.close("worst", "wang", AlertVerdict.FALSE_ALARM)


async def test_alerts_of_long_ago_are_forgotten_with_their_histories(
    replica: Replica, clock: list[int]
) -> None:
    open_one = make_alert(alert_id="open", session_id="call-2")
    await replica.step(FIRING, RESOLVED, open_one)
    clock[0] += 86_400_000
    await replica.ledger.forget(clock[0], clock[0] - 1000)
    async with replica.database.reading() as session:
        assert list(await session.scalars(select(AlertRow.alert_id))) == ["open"]
        for table in (EventRow, ToldRow):
            assert set(await session.scalars(select(table.alert_id))) == {"open"}
        assert await session.scalar(select(func.count()).select_from(MarkRow)) == 0


async def test_what_is_told_and_held_is_counted(replica: Replica, clock: list[int]) -> None:
    await replica.silences.add(
        NewSilence(matchers=("rule=sad",), ends_at=time_of(clock, 60), author="li")
    )
    await replica.step(FIRING, make_alert(alert_id="b", rule="sad", session_id="call-2"))
    shown = replica.metrics.render().decode()
    assert f'notices_sent_total{{type="{EventType.ALERT_FIRING.value}"}} 1.0' in shown
    assert 'notices_held_total{reason="silenced"} 1.0' in shown
    assert await replica.silences.active() == 1
