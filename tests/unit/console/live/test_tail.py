"""The reader of a stream begins a while ago, survives outages and skips what it cannot read."""

import asyncio
import time

import pytest

from tests.support.messages import make_score
from tests.support.wait import wait_until
from tonewatch.console.live import Hub, Tail
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import SCORES

PARTITIONS = 2


@pytest.fixture
def hub() -> Hub:
    return Hub(Metrics(), viewer_queue=100)


def told(hub: Hub) -> int:
    return len(hub._history)


async def test_it_reads_what_lies_in_the_stream_and_what_comes_and_skips_the_unreadable(
    hub: Hub,
) -> None:
    broker = MemoryBroker(partitions=PARTITIONS)
    await broker.publish([Outgoing(SCORES, make_score(seq)) for seq in range(3)])
    broker._add(SCORES.key(0), {"h": b"no json"})
    stop = asyncio.Event()
    reading = asyncio.create_task(Tail(broker, SCORES, hub).run(stop))
    await wait_until(lambda: told(hub) == 3)
    await broker.publish([Outgoing(SCORES, make_score(9, session_id="call-2"))])
    await wait_until(lambda: told(hub) == 4)
    stop.set()
    await reading


async def test_what_is_older_than_the_stream_keeps_is_left_alone(hub: Hub) -> None:
    long_ago = time.time_ns() // 10**6 - 1000 * 3600
    broker = MemoryBroker(partitions=PARTITIONS, clock_ms=lambda: long_ago)
    await broker.publish([Outgoing(SCORES, make_score(0))])
    broker._clock_ms = lambda: time.time_ns() // 10**6
    await broker.publish([Outgoing(SCORES, make_score(1))])
    stop = asyncio.Event()
    reading = asyncio.create_task(Tail(broker, SCORES, hub).run(stop))
    await wait_until(lambda: told(hub) == 1)
    assert b'"seq":1' in hub._history[0].wire
    stop.set()
    await reading


async def test_after_an_outage_it_goes_on_where_it_was(hub: Hub) -> None:
    broker = MemoryBroker(partitions=PARTITIONS)
    tail, stop = Tail(broker, SCORES, hub), asyncio.Event()
    reading = asyncio.create_task(tail.run(stop))
    await broker.publish([Outgoing(SCORES, make_score(0))])
    await wait_until(lambda: told(hub) == 1)
    broker.available = False
    with pytest.raises(BrokerUnavailableError):
        await reading
    assert hub.status_data()["stale_since"]
    broker.available = True
    await broker.publish([Outgoing(SCORES, make_score(1))])
    reading = asyncio.create_task(tail.run(stop))
    await wait_until(lambda: told(hub) == 2)
    assert hub.status_data()["stale_since"] is None
    stop.set()
    await reading
