"""Robots' limits are kept by digests, in virtual time: nothing is lost, nothing is told twice."""

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import make_alert
from tonewatch.alerting.delivery import values
from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.options import Language
from tonewatch.alerting.delivery.database import database_over
from tonewatch.alerting.delivery.health import Health
from tonewatch.alerting.delivery.leasing import join
from tonewatch.alerting.delivery.log import DeliveryLog, Filters
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.pace import MINUTE_MS, Pace
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.receivers import Receiver, Receivers
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.values import delivery_values
from tonewatch.alerting.delivery.wording import fitting
from tonewatch.shared import clock
from tonewatch.shared.database import Database, create_engine, sqlite_url
from tonewatch.shared.egress import EgressPolicy
from tonewatch.shared.messages import Priority
from tonewatch.shared.metrics import Metrics

LIMIT = 20


@given(st.integers(1, 300), st.lists(st.integers(0, 30_000), max_size=200), st.randoms())
def test_no_minute_has_more_messages_than_the_limit(
    limit: int, pauses: list[int], chance: random.Random
) -> None:
    pace, now, paced_until, sent = Pace(limit), 0, 0, list[int]()
    for pause in pauses:
        now += pause
        count = min(pace.allowed(paced_until, now), chance.randint(1, limit))
        if count:
            paced_until = pace.after(paced_until, now, count)
            sent += [now] * count
        else:
            assert now < pace.next_ms(paced_until)
            assert pace.allowed(paced_until, pace.next_ms(paced_until)) == 1
    for index, moment in enumerate(sent):
        in_a_minute = [other for other in sent[index:] if other < moment + MINUTE_MS]
        assert len(in_a_minute) <= limit


def test_a_receiver_that_asks_for_rest_gets_it_and_then_one_message() -> None:
    pace = Pace(LIMIT)
    paced_until = pace.paused(600_000)
    assert pace.allowed(paced_until, 599_999) == 0
    assert pace.allowed(paced_until, 600_000) == 1
    assert pace.next_ms(paced_until) == 600_000


class Robot:
    """Notes when it was told of what."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.told: list[tuple[int, list[str]]] = []

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        self.told.append((self.now_ms, [row.alert_id for row in deliveries]))
        return Attempt(delivered=True)


class World:
    """A sender whose clock is set by the test."""

    def __init__(self, database: Database, robot: Robot) -> None:
        self.robot = robot
        self.receiver = Receiver(
            channel="dingtalk", id="ops", name="ops", sender=robot, pace=Pace(LIMIT), joins=True
        )
        webhooks = Webhooks(database, EgressPolicy())
        self.poster = Poster(EgressPolicy(), timeout_seconds=1)
        receivers = Receivers(webhooks, self.poster, {"ops": self.receiver})
        self.outbox = Outbox(database, "me", clock=lambda: robot.now_ms)
        self.log = DeliveryLog(database)
        health = Health(self.outbox, webhooks, receivers, failing_days=5, operator_channels=())
        self.sender = Sender(
            self.outbox,
            self.log,
            receivers,
            health,
            Metrics(),
            at_once=10,
            per_receiver=4,
            log_days=1,
        )

    async def add(self, *alert_ids: str) -> None:
        rows = [
            delivery_values(
                make_alert(alert_id=alert_id),
                EventType.ALERT_FIRING,
                self.receiver,
                notice="firing",
            )
            for alert_id in alert_ids
        ]
        await self.outbox.add(rows)

    async def run_until(self, moment_ms: int) -> None:
        """Let the sender do all it wants to do before a time."""
        while True:
            next_ms = await self.sender.look()
            await self.sender.idle()
            if next_ms is None or next_ms > moment_ms:
                self.robot.now_ms = moment_ms
                return
            self.robot.now_ms = max(self.robot.now_ms, next_ms)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    robot = Robot()
    for module in (clock, values):
        monkeypatch.setattr(module, "now_ms", lambda: robot.now_ms)
    database = database_over(create_engine(sqlite_url(tmp_path / "alerting.db")))
    await database.prepare()
    made = World(database, robot)
    yield made
    await made.poster.close()
    await database.close()


async def test_a_flood_is_joined_and_every_alert_told_once(world: World) -> None:
    chance = random.Random(20260104)
    start, added = world.robot.now_ms, 0
    for second in range(180):
        burst = chance.choice((0, 0, 1, 3, 8))
        await world.add(*(f"alert-{added + number}" for number in range(burst)))
        added += burst
        await world.run_until(start + 1000 * (second + 1))
    await world.run_until(world.robot.now_ms + MINUTE_MS)
    assert added > 300
    times = [moment for moment, _ in world.robot.told]
    for moment in times:
        assert len([other for other in times if moment <= other < moment + MINUTE_MS]) <= LIMIT
    told = [alert_id for _, alert_ids in world.robot.told for alert_id in alert_ids]
    assert sorted(told) == sorted(f"alert-{number}" for number in range(added))
    assert any(len(alert_ids) > 1 for _, alert_ids in world.robot.told)
    assert await world.outbox.waiting() == 0


async def test_what_is_within_the_limit_is_told_alone_and_at_once(world: World) -> None:
    await world.add("a", "b")
    await world.run_until(world.robot.now_ms)
    assert [alert_ids for _, alert_ids in world.robot.told] == [["a"], ["b"]]


async def test_each_delivery_of_a_digest_has_its_attempt(world: World) -> None:
    await world.add(*(f"alert-{number}" for number in range(10)))
    await world.run_until(world.robot.now_ms)
    joined = {}
    for row in await world.log.list(Filters()):
        _, (attempt,) = await world.log.get(row.id)
        joined[row.alert_id] = attempt.joined
    assert sorted(joined.values()) == [1] * 4 + [6] * 6


def rows(count: int, **changes: Any) -> list[DeliveryRow]:
    receiver = Receiver(channel="dingtalk", id="ops", name="ops", sender=Robot())
    return [
        DeliveryRow(
            **delivery_values(
                make_alert(alert_id=f"alert-{number}", **changes),
                EventType.ALERT_FIRING,
                receiver,
                notice="firing",
            )
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("language", "headline"),
    [
        ("zh", "[Tonewatch] 40 条消息合并"),
        ("en", "[Tonewatch] 40 messages in one"),
        ("both", "[Tonewatch] 40 条消息合并 / 40 messages in one"),
    ],
)
def test_a_digest_counts_all_and_lists_the_most_urgent(language: Language, headline: str) -> None:
    many = rows(39, message="客户很生气" * 5)
    many += rows(1, priority=Priority.CRITICAL, message="call at once")
    text = fitting(many, language, 2048)
    lines = text.split("\n")
    assert len(text.encode()) <= 2048
    assert lines[0] == headline
    assert "call at once" in lines[1]
    listed = len([line for line in lines if line.startswith("- ")])
    assert 3 < listed < 40
    assert str(40 - listed) in lines[-1]


def test_a_single_message_that_is_too_long_is_cut() -> None:
    text = fitting(rows(1, message="很长" * 1000), "zh", 2048)
    assert len(text.encode()) <= 2048
    assert text.endswith("…")


def test_joining_leaves_each_alone_while_it_can() -> None:
    some = rows(5)
    assert [len(message) for message in join(some, 5)] == [1] * 5
    assert [len(message) for message in join(some, 2)] == [1, 4]
    assert [len(message) for message in join(some, 1)] == [5]
