"""The outbox on both databases: rows once, leases, order, and the schema that the models mean."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.support.postgres import USER, postgres_server
from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.clock import now_ms
from tonewatch.alerting.delivery.database import Database
from tonewatch.alerting.delivery.dispatcher import delivery_values
from tonewatch.alerting.delivery.outbox import Filters, Outbox
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.tables import MIGRATIONS, VERSION_TABLE, Base
from tonewatch.shared.database import close_engine, create_engine, migrate, sqlite_url
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import ConflictError, UnavailableError

FAILED = Attempt(delivered=False, error="down")
DELIVERED = Attempt(delivered=True, status=204)


@pytest.fixture(scope="module")
def postgres_folder() -> Iterator[Path]:
    with postgres_server() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "alerting.db")
    if request.param == "postgresql":
        folder: Path = request.getfixturevalue("postgres_folder")
        url = f"postgresql+asyncpg://{USER}@/postgres?host={folder}"
    engine = create_engine(url)
    if request.param == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
    await migrate(engine, MIGRATIONS)
    yield Database(engine)
    await close_engine(engine)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, "me")


def values(alert_id: str = "alert-1", state: str = "firing", receiver: str = "w") -> dict[str, Any]:
    return delivery_values(
        alert_id=alert_id,
        alert_state=state,
        receiver=receiver,
        rule="angry",
        session_id="call-1",
        channel="webhook",
        receiver_name=receiver,
        payload="{}",
    )


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, Base.metadata)
        return found

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_delivery_is_added_once(outbox: Outbox) -> None:
    await outbox.add([values(), values(receiver="v")])
    await outbox.add([values(), values(state="resolved")])
    assert await outbox.waiting() == 3


async def test_a_leased_row_is_nobody_else_s_until_its_holder_starts_again(
    outbox: Outbox, database: Database
) -> None:
    other = Outbox(database, "other")
    await outbox.add([values(f"alert-{number}") for number in range(3)])
    first = await outbox.lease("w", 2)
    assert [row.alert_id for row in first] == ["alert-0", "alert-1"]
    assert [row.alert_id for row in await other.lease("w", 5)] == ["alert-2"]
    assert await outbox.due_receivers() == []
    await other.take_back()
    assert [row.alert_id for row in await outbox.lease("w", 5)] == ["alert-2"]


async def test_resolved_is_due_after_firing_is_delivered_or_given_up(outbox: Outbox) -> None:
    await outbox.add([values(), values(state="resolved"), values("alert-2", "resolved")])
    leased = await outbox.lease("w", 5)
    assert [(row.alert_id, row.alert_state) for row in leased] == [
        ("alert-1", "firing"),
        ("alert-2", "resolved"),
    ]
    assert await outbox.lease("w", 5) == []
    await outbox.record([(leased[0], DELIVERED)])
    assert [row.alert_state for row in await outbox.lease("w", 5)] == ["resolved"]


async def test_a_failed_row_waits_for_its_next_attempt_until_none_is_left(outbox: Outbox) -> None:
    await outbox.add([{**values(), "attempts_allowed": 2}])
    (row,) = await outbox.lease("w", 1)
    await outbox.record([(row, FAILED)])
    now = now_ms()
    due = await outbox.next_due_ms(now)
    assert due is not None
    assert now < due <= now + 1200
    again, attempts = await outbox.get(row.id)
    assert (again.state, again.attempts, len(attempts)) == ("waiting", 1, 1)
    await outbox.record([(again, FAILED)])
    (done,) = await outbox.list(Filters())
    assert (done.state, done.last_error) == ("failed", "down")
    await outbox.send_again(done.id, 10)
    (row,) = await outbox.lease("w", 1)
    assert (row.attempts, len((await outbox.get(row.id))[1])) == (0, 2)


async def test_what_waits_for_a_receiver_that_left_is_given_up(outbox: Outbox) -> None:
    await outbox.add([values(), values(receiver="v")])
    await outbox.give_up("w", "the webhook was removed")
    assert await outbox.due_receivers() == ["v"]


async def test_finished_deliveries_are_forgotten_with_their_attempts(outbox: Outbox) -> None:
    await outbox.add([values(), values(receiver="v")])
    (row,) = await outbox.lease("w", 1)
    await outbox.record([(row, DELIVERED)])
    await outbox.forget(now_ms() + 1)
    assert [left.receiver for left in await outbox.list(Filters())] == ["v"]


async def test_a_webhook_s_name_is_taken_once(database: Database) -> None:
    webhooks = Webhooks(database, AddressPolicy())
    row, secret = await webhooks.add("one", "https://example.com/a", None)
    assert row.secret == secret
    with pytest.raises(ConflictError, match='named "one" already'):
        await webhooks.add("one", "https://example.com/b", None)
    assert [item.url for item in await webhooks.list()] == ["https://example.com/a"]


async def test_a_database_that_is_away_is_said_to_be(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("DROP TABLE attempts"))
        await connection.execute(text("DROP TABLE deliveries"))
    with pytest.raises(UnavailableError, match="the alerting database failed"):
        await Outbox(database, "me").waiting()
