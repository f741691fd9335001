"""The in-memory twin passes the cases of every broker, and runs in virtual time."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.broker_cases import BrokerCases, frame
from tonewatch.shared.broker import Broker, Delivery, MemoryBroker, Outcome, StateWrite
from tonewatch.shared.broker._trim import parse_id
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.streams import FRAMES, STREAMS

HOUR_MS = 3_600_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


class TestMemoryBroker(BrokerCases):
    @pytest.fixture
    async def tested(self, memory_broker: MemoryBroker) -> MemoryBroker:
        return memory_broker

    async def grow_old(self, tested: Broker, deliveries: Sequence[Delivery]) -> None:
        assert isinstance(tested, MemoryBroker)
        for each in deliveries:
            pending = tested._log(each.stream, each.partition).groups[each.group].pending
            pending[parse_id(each.entry.entry_id)].delivered_ms -= HOUR_MS


async def test_trimming_waits_for_acknowledgement_and_retention() -> None:
    clock = Clock()
    broker = MemoryBroker(partitions=1, clock_ms=clock)
    await broker.setup(STREAMS)
    for seq in range(4):
        await broker.publish([frame(seq)])
        clock.now_ms += int(FRAMES.retention.total_seconds() * 1000) - 1
    assert await broker.trim(FRAMES) == 0, "nothing was delivered"
    deliveries = await broker.read([FRAMES], "inference", "a", count=10)
    assert await broker.trim(FRAMES) == 0, "nothing was acknowledged"
    await broker.settle([Outcome(deliveries[0]), Outcome(deliveries[1]), Outcome(deliveries[3])])
    assert await broker.trim(FRAMES) == 1, "the third is pending and may look back at the second"


@given(
    gaps_ms=st.lists(st.integers(0, 40_000), min_size=1, max_size=20),
    read=st.integers(0, 20),
    settled=st.sets(st.integers(0, 19)),
    later_ms=st.integers(0, 100_000),
)
async def test_what_lies_shortly_before_a_needed_entry_survives(
    gaps_ms: list[int], read: int, settled: set[int], later_ms: int
) -> None:
    clock = Clock()
    broker = MemoryBroker(partitions=1, clock_ms=clock)
    await broker.setup(STREAMS)
    published_ms = []
    for seq, gap_ms in enumerate(gaps_ms):
        clock.now_ms += gap_ms
        published_ms.append(clock.now_ms)
        await broker.publish([frame(seq)])
    deliveries = await broker.read([FRAMES], "inference", "a", count=read) if read else []
    done = [deliveries[n] for n in settled if n < len(deliveries)]
    await broker.settle([Outcome(delivery) for delivery in done])
    clock.now_ms += later_ms
    removed = await broker.trim(FRAMES)
    needed = [n for n in range(len(gaps_ms)) if n >= len(deliveries) or n not in settled]
    first_ms = min((published_ms[n] for n in needed), default=clock.now_ms)
    kept_from_ms = first_ms - FRAMES.retention.total_seconds() * 1000
    assert all(moment < kept_from_ms for moment in published_ms[:removed])


async def test_state_expires() -> None:
    clock = Clock()
    broker = MemoryBroker(partitions=1, clock_ms=clock)
    await broker.setup(STREAMS)
    await broker.publish([frame(0)])
    (delivery,) = await broker.read([FRAMES], "inference", "a", count=1)
    await broker.settle([Outcome(delivery, state=[StateWrite("t", b"x", timedelta(seconds=5))])])
    clock.now_ms += 4_000
    assert await broker.state(0, ["t"]) == {"t": b"x"}
    clock.now_ms += 2_000
    assert await broker.state(0, ["t"]) == {}


async def test_an_outage_is_an_error_that_can_be_retried(memory_broker: MemoryBroker) -> None:
    memory_broker.available = False
    with pytest.raises(BrokerUnavailableError) as caught:
        await memory_broker.publish([frame(0)])
    assert caught.value.retryable
