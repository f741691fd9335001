import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.messages import START, make_alert, make_gap, make_score
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.http import ASGITransport, AsyncClient
from tonewatch.shared.messages import AlertState
from tonewatch.shared.streams import ALERTS, SCORES
from tonewatch.suite.check import Check, Sighting

SOON = timedelta(seconds=5)
AT_ONCE = timedelta(seconds=0.3)


class Suite:
    """What storage and the receiver answer; a test fills the lists."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.webhooks: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.get("/v1/records")(self.list_records)
        self.app.get("/received")(self.list_webhooks)

    async def list_records(self, session_id: str) -> dict[str, Any]:
        return {"items": [item for item in self.records if item["session_id"] == session_id]}

    async def list_webhooks(self) -> dict[str, Any]:
        return {"items": self.webhooks}


@pytest.fixture
def suite() -> Suite:
    return Suite()


@pytest.fixture
def told() -> list[Sighting]:
    return []


@pytest.fixture
async def check(
    suite: Suite, memory_broker: MemoryBroker, told: list[Sighting]
) -> AsyncIterator[Check]:
    async with AsyncClient(transport=ASGITransport(suite.app), base_url="http://suite") as client:
        yield Check(memory_broker, client, client, told.append)


async def a_call(broker: MemoryBroker, **changes: Any) -> None:
    """Calm, then angry, with an alert at second 2."""
    scores = [
        make_score(0, "no_speech", **changes),
        make_score(1, "neutral", **changes),
        make_score(2, "angry", **changes),
    ]
    await broker.publish([Outgoing(SCORES, make_gap(9, 9, **changes))])
    await broker.publish([Outgoing(SCORES, score) for score in scores])
    await broker.publish([Outgoing(ALERTS, make_alert(first_seq=1, last_seq=2, **changes))])


def a_record(seq: int) -> dict[str, Any]:
    return {"session_id": "call-1", "seq": seq}


def a_webhook(kind: str = "alert.firing", **data: Any) -> dict[str, Any]:
    at = iso_utc(START + timedelta(seconds=3.5))
    return {"type": kind, "received_at": at, "data": {"alert_id": "alert-1"} | data}


async def test_a_whole_call_is_seen_through(
    check: Check, suite: Suite, memory_broker: MemoryBroker, told: list[Sighting]
) -> None:
    suite.records, suite.webhooks = [a_record(1)], [a_webhook()]
    await check.prepare()
    await a_call(memory_broker)
    assert await check.run("source-1", SOON)
    assert sorted(sighting.step for sighting in told) == ["alert", "score", "stored", "webhook"]
    # second 2 ended 3 s after the start, the webhook came 3.5 s after it
    assert check.seen["webhook"].latency_seconds == pytest.approx(0.5)
    assert "neutral 0.90 by fake" in check.seen["score"].line()


async def test_what_was_there_before_does_not_count(
    check: Check, memory_broker: MemoryBroker
) -> None:
    await a_call(memory_broker)
    await check.prepare()
    assert not await check.run("source-1", AT_ONCE)
    assert check.missing == ["score", "stored", "alert", "webhook"]


async def test_another_source_does_not_count(check: Check, memory_broker: MemoryBroker) -> None:
    await check.prepare()
    await a_call(memory_broker, source_id="source-2")
    assert not await check.run("source-1", AT_ONCE)
    assert check.seen == {}


@pytest.mark.parametrize(
    "webhook", [a_webhook("alert.resolved"), a_webhook("webhook.test"), a_webhook(alert_id="old")]
)
async def test_another_webhook_does_not_count(
    check: Check, suite: Suite, memory_broker: MemoryBroker, webhook: dict[str, Any]
) -> None:
    suite.records, suite.webhooks = [a_record(1)], [webhook]
    await check.prepare()
    await a_call(memory_broker)
    assert not await check.run("source-1", AT_ONCE)
    assert check.missing == ["webhook"]


async def test_a_resolved_alert_and_another_record_do_not_count(
    check: Check, suite: Suite, memory_broker: MemoryBroker
) -> None:
    suite.records = [a_record(7)]
    await check.prepare()
    resolved = make_alert(AlertState.RESOLVED, first_seq=1, last_seq=1)
    await memory_broker.publish([Outgoing(SCORES, make_score(1)), Outgoing(ALERTS, resolved)])
    assert not await check.run("source-1", AT_ONCE)
    assert check.missing == ["stored", "alert", "webhook"]


async def test_a_record_that_comes_late_is_waited_for(
    check: Check, suite: Suite, memory_broker: MemoryBroker
) -> None:
    suite.webhooks = [a_webhook()]
    await check.prepare()
    await a_call(memory_broker)
    running = asyncio.create_task(check.run("source-1", SOON))
    await asyncio.sleep(0.15)
    suite.records = [a_record(1)]
    assert await running
