"""The outbox on both databases: rows once, leases, order, and the schema that the models mean."""

from collections.abc import Sequence
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.support.messages import make_alert
from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.leasing import LEASE_MS, ORPHANED, Demand
from tonewatch.alerting.delivery.log import DeliveryLog, Filters
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.pace import Pace
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.receivers import Receiver
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.schedule import DELAYS_SECONDS, JITTER
from tonewatch.alerting.delivery.tables import MIGRATIONS, VERSION_TABLE, Base, DeliveryRow
from tonewatch.alerting.delivery.values import delivery_values
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database, migrate
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ConflictError, UnavailableError
from tonewatch.shared.messages import AlertState, NoticePolicy

FAILED = Attempt(delivered=False, error="down")
DELIVERED = Attempt(delivered=True, status=204)


class Silent:
    """A channel that nothing is sent by in these tests."""

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        raise AssertionError("nothing is sent here")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, "me")


@pytest.fixture
def log(database: Database) -> DeliveryLog:
    return DeliveryLog(database)


def values(
    alert_id: str = "alert-1",
    notice: str = "firing",
    receiver: str = "w",
    expires_seconds: float | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    alert = make_alert(
        AlertState.FIRING, alert_id=alert_id, notice=NoticePolicy(expires_seconds=expires_seconds)
    )
    to = Receiver(channel="webhook", id=receiver, name=receiver, sender=Silent())
    return delivery_values(alert, EventType.ALERT_FIRING, to, notice=notice, after=after)


async def take(outbox: Outbox, count: int, receiver: str = "w") -> list[DeliveryRow]:
    (lease,) = await outbox.lease([Demand(receiver=receiver, count=count)])
    return [row for message in lease.messages for row in message]


async def due_now(outbox: Outbox) -> list[str]:
    return [receiver for receiver, due in (await outbox.due()).items() if due.is_due]


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, Base.metadata)
        return found

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


OLD_ROWS = """
INSERT INTO webhooks VALUES ('w', 'hook', 'https://example.com', 'whsec_x', {false}, {true}, '', 1);
INSERT INTO deliveries VALUES ('d1', 'm1', 'a', 'firing', 'angry', 'call', 'webhook', 'w', 'hook',
    '{{}}', 'delivered', 2, 10, 1, 2, 3, 204, '', '', 0);
INSERT INTO deliveries VALUES ('d2', 'm2', 'a', 'resolved', 'angry', 'call', 'webhook', 'w', 'hook',
    '{{}}', 'waiting', 0, 10, 1, 2, NULL, NULL, '', 'me', 9);
INSERT INTO attempts VALUES (7, 'd1', 1, {false}, 500, 3, 'broken', 'answered 500');
INSERT INTO attempts VALUES (8, 'd1', 3, {true}, 204, 3, '', '')
"""


async def test_a_database_of_the_older_schema_keeps_its_deliveries_and_attempts(
    empty: Database,
) -> None:
    is_postgresql = empty.engine.dialect.name == "postgresql"
    words = {"true": "true", "false": "false"} if is_postgresql else {"true": "1", "false": "0"}
    await migrate(empty.engine, MIGRATIONS, "0001")
    async with empty.engine.begin() as connection:
        for statement in OLD_ROWS.format(**words).split(";"):
            await connection.execute(text(statement))
    await migrate(empty.engine, MIGRATIONS)
    log, outbox = DeliveryLog(empty), Outbox(empty, "me")
    told, attempts = await log.get("d1")
    assert (told.notice, told.event_type, told.first_sent_ms) == ("firing", "alert.firing", 3)
    assert [attempt.status for attempt in attempts] == [500, 204]
    (row,) = await take(outbox, 5)
    assert (row.id, row.notice) == ("d2", "resolved")
    await outbox.record([(row, DELIVERED)])
    assert (await log.get("d2"))[0].state == "delivered"
    (webhook,) = await Webhooks(empty, AddressPolicy()).list()
    assert (webhook.name, webhook.filter, webhook.body_format) == ("hook", {}, "standard")


async def test_a_delivery_is_added_once(outbox: Outbox) -> None:
    await outbox.add([values(), values(receiver="v")])
    await outbox.add([values(), values(notice="resolved"), values(notice="repeat-2")])
    assert await outbox.waiting() == 4
    assert await outbox.waiting("v") == 1


async def test_deliveries_added_in_another_transaction_share_its_fate(
    outbox: Outbox, database: Database
) -> None:
    async with database.writing() as session:
        await outbox.add([values()], session=session)
        await session.rollback()
    assert await outbox.waiting() == 0


async def test_a_leased_row_is_nobody_else_s_until_its_holder_starts_again(
    outbox: Outbox, database: Database
) -> None:
    other = Outbox(database, "other")
    await outbox.add([values(f"alert-{number}") for number in range(3)])
    assert [row.alert_id for row in await take(outbox, 2)] == ["alert-0", "alert-1"]
    assert [row.alert_id for row in await take(other, 5)] == ["alert-2"]
    assert await due_now(outbox) == []
    await other.take_back()
    assert [row.alert_id for row in await take(outbox, 5)] == ["alert-2"]


async def test_a_lease_ends_by_itself(database: Database) -> None:
    now = [now_ms() + 1000]
    outbox = Outbox(database, "me", clock=lambda: now[0])
    await outbox.add([values()])
    assert len(await take(outbox, 1)) == 1
    now[0] += LEASE_MS - 1
    assert await take(outbox, 1) == []
    now[0] += 1
    assert len(await take(outbox, 1)) == 1


async def test_what_is_released_is_due_again(outbox: Outbox) -> None:
    await outbox.add([values()])
    await outbox.release(await take(outbox, 1))
    assert len(await take(outbox, 1)) == 1


async def test_a_later_notice_is_due_after_older_ones_of_its_alert_are_settled(
    outbox: Outbox,
) -> None:
    await outbox.add([values(), values(notice="resolved"), values("alert-2", "resolved")])
    leased = await take(outbox, 5)
    assert [(row.alert_id, row.notice) for row in leased] == [
        ("alert-1", "firing"),
        ("alert-2", "resolved"),
    ]
    assert await take(outbox, 5) == []
    await outbox.record([(leased[0], DELIVERED)])
    assert [row.notice for row in await take(outbox, 5)] == ["resolved"]


async def test_a_delivery_waits_for_the_one_that_it_names(outbox: Outbox) -> None:
    group = values("alert-1")
    await outbox.add([group, values("alert-2", "resolved", after=group["id"])])
    (first,) = await take(outbox, 5)
    assert first.id == group["id"]
    await outbox.record([(first, DELIVERED)])
    assert [row.alert_id for row in await take(outbox, 5)] == ["alert-2"]


async def test_what_follows_a_delivery_that_was_given_up_is_given_up(
    outbox: Outbox, log: DeliveryLog
) -> None:
    firing = values("alert-1")
    resolved = values("alert-1", "resolved", after=firing["id"])
    await outbox.add([firing, resolved, values("alert-2", "resolved", after="forgotten")])
    first, other = await take(outbox, 5)
    assert other.alert_id == "alert-2"
    await outbox.record([(first, Attempt(delivered=False, gone=True))])
    assert await take(outbox, 5) == []
    orphan, attempts = await log.get(resolved["id"])
    assert (orphan.state, orphan.last_error, attempts) == ("failed", ORPHANED, [])


async def test_a_failed_row_waits_for_its_next_attempt_until_none_is_left(
    outbox: Outbox, log: DeliveryLog
) -> None:
    await outbox.add([{**values(), "attempts": 5, "attempts_allowed": 7}])
    (row,) = await take(outbox, 1)
    before = now_ms()
    await outbox.record([(row, FAILED)])
    now = now_ms()
    due = (await outbox.due())["w"]
    assert not due.is_due
    assert due.next_ms is not None
    delay = DELAYS_SECONDS[6] * 1000
    assert before + delay * (1 - JITTER) <= due.next_ms <= now + delay * (1 + JITTER)
    again, attempts = await log.get(row.id)
    assert (again.state, again.attempts, len(attempts)) == ("waiting", 6, 1)
    await outbox.record([(again, FAILED)])
    (done,) = await log.list(Filters())
    assert (done.state, done.last_error) == ("failed", "down")
    await log.send_again(done)
    (row,) = await take(outbox, 1)
    assert (row.attempts, len((await log.get(row.id))[1])) == (0, 2)


async def test_a_retry_comes_no_later_than_the_delivery_expires(
    outbox: Outbox, log: DeliveryLog
) -> None:
    row_values = values(expires_seconds=1) | {"expires_ms": now_ms() + 600_000}
    await outbox.add([row_values])
    (row,) = await take(outbox, 1)
    later = Attempt(delivered=False, error="busy", retry_after_seconds=1200)
    await outbox.record([(row, later)])
    waiting, _ = await log.get(row.id)
    assert waiting.next_attempt_ms == row_values["expires_ms"]
    await outbox.record([(waiting, Attempt(delivered=False, expired=True, error="too old"))])
    expired, attempts = await log.get(row.id)
    assert (expired.state, expired.last_error, len(attempts)) == ("expired", "too old", 1)


async def test_the_first_success_of_an_alert_is_known_and_stays(
    outbox: Outbox, log: DeliveryLog
) -> None:
    await outbox.add([values(), values(receiver="v"), values("alert-2")])
    assert await outbox.first_sent_ms(["alert-1", "alert-2"]) == {}
    (row, _) = await take(outbox, 2)
    await outbox.record([(row, DELIVERED)])
    first = await outbox.first_sent_ms(["alert-1", "alert-2"])
    assert list(first) == ["alert-1"]
    again = await log.send_again((await log.get(row.id))[0])
    await outbox.record([(again, FAILED)])
    assert await outbox.first_sent_ms(["alert-1"]) == first


async def test_what_waits_for_a_receiver_that_left_is_given_up_and_can_be_recovered(
    outbox: Outbox, log: DeliveryLog
) -> None:
    await outbox.add([values(), values(receiver="v")])
    before = now_ms()
    await outbox.give_up("w", "the webhook was removed")
    assert await due_now(outbox) == ["v"]
    assert await log.recover(now_ms() + 60_000, None) == 0
    assert await log.recover(before, "v") == 0
    assert await log.recover(before, "w") == 1
    assert await due_now(outbox) == ["v", "w"]


async def test_since_when_a_receiver_only_fails_is_kept_until_a_success(outbox: Outbox) -> None:
    await outbox.add([values(f"alert-{number}") for number in range(3)])
    first, second, third = await take(outbox, 3)
    assert await outbox.failing_since_ms("w") is None
    await outbox.record([(first, FAILED)])
    since = await outbox.failing_since_ms("w")
    await outbox.record([(second, FAILED)])
    assert since is not None
    assert await outbox.failing_since_ms("w") == since
    await outbox.record([(third, DELIVERED), (second, FAILED)])
    assert await outbox.failing_since_ms("w") is None


async def test_replicas_keep_one_pace_together(database: Database) -> None:
    outboxes = [Outbox(database, name) for name in ("one", "other")]
    await outboxes[0].add([values(f"alert-{number}") for number in range(30)])
    pace = Pace(4)  # slow: no message more while the test runs
    demand = Demand(receiver="w", count=30, pace=pace)
    taken = 0
    for outbox in outboxes:
        (lease,) = await outbox.lease([demand])
        taken += len(lease.messages)
        assert lease.again_ms is not None
        assert lease.again_ms > now_ms()
    assert taken == pace.burst


async def test_a_digest_takes_whatever_is_over(outbox: Outbox) -> None:
    await outbox.add([values(f"alert-{number}") for number in range(30)])
    demand = Demand(receiver="w", count=1, pace=Pace(20), joins=True)
    (lease,) = await outbox.lease([demand])
    assert [len(message) for message in lease.messages] == [1, 1, 1, 1, 26]


async def test_finished_deliveries_are_forgotten_with_their_attempts(
    outbox: Outbox, log: DeliveryLog
) -> None:
    await outbox.add([values(), values(receiver="v")])
    (row,) = await take(outbox, 1)
    await outbox.record([(row, DELIVERED)])
    await log.forget(now_ms() + 1)
    assert [left.receiver for left in await log.list(Filters())] == ["v"]


async def test_a_webhook_s_name_is_taken_once(database: Database) -> None:
    webhooks = Webhooks(database, AddressPolicy())
    one = {"name": "one", "url": "https://example.com/a"}
    row, secret = await webhooks.add(one, None)
    assert row.secret == secret
    with pytest.raises(ConflictError, match='named "one" already'):
        await webhooks.add(one | {"url": "https://example.com/b"}, None)
    other, _ = await webhooks.add(one | {"name": "two"}, None)
    with pytest.raises(ConflictError, match='named "one" already'):
        await webhooks.change(other.id, {"name": "one"})
    assert [item.name for item in await webhooks.list()] == ["one", "two"]


async def test_a_database_that_is_away_is_said_to_be(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("DROP TABLE attempts"))
        await connection.execute(text("DROP TABLE deliveries"))
    with pytest.raises(UnavailableError, match="the alerting database failed"):
        await Outbox(database, "me").waiting()
