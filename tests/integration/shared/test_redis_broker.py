"""The broker against a real server: the common cases, trimming, outages and old servers."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.broker_cases import ALL, BrokerCases, frame, score_of, seqs
from tests.support.redis_server import connect, redis_server, short_folder
from tests.support.wait import wait_until
from tonewatch.shared.broker import Broker, Delivery, Outcome, RedisBroker
from tonewatch.shared.broker import _probe as probe_module
from tonewatch.shared.errors import BrokerUnavailableError, ConfigurationError
from tonewatch.shared.streams import FRAMES, STREAMS, Stream

HOUR_MS = 3_600_000


class RedisCases(BrokerCases):
    async def grow_old(self, tested: Broker, deliveries: Sequence[Delivery]) -> None:
        assert isinstance(tested, RedisBroker)
        for each in deliveries:
            await tested._client.xclaim(
                each.stream.key(each.partition),
                each.group,
                await self.holder(tested, each),
                min_idle_time=0,
                message_ids=[each.entry.entry_id],
                idle=HOUR_MS,
                justid=True,
            )

    @staticmethod
    async def holder(tested: RedisBroker, each: Delivery) -> str:
        key, entry_id = each.stream.key(each.partition), each.entry.entry_id
        (pending,) = await tested._client.xpending_range(key, each.group, entry_id, entry_id, 1)
        holder: str = pending["consumer"].decode()
        return holder


class TestRedisBroker(RedisCases):
    @pytest.fixture
    async def tested(self, broker: RedisBroker) -> RedisBroker:
        return broker


class TestValkeyBroker(RedisCases):
    @pytest.fixture
    async def tested(self, valkey_url: str) -> AsyncIterator[RedisBroker]:
        broker = connect(valkey_url)
        await broker._client.flushall()
        await broker.setup(STREAMS)
        assert broker.capabilities is not None
        assert broker.capabilities.server == "valkey"
        yield broker
        await broker.close()


class TestClusterBroker(RedisCases):
    """Three nodes: no command may touch two partitions, and a read cannot block on all of them."""

    @pytest.fixture
    async def tested(self, cluster_url: str) -> AsyncIterator[RedisBroker]:
        broker = connect(cluster_url, cluster=True)
        await broker._client.flushall(target_nodes="all")
        await broker.setup(STREAMS)
        yield broker
        await broker.close()

    async def test_the_partitions_lie_on_several_nodes(self, tested: RedisBroker) -> None:
        client = tested._client
        nodes = {client.get_node_from_key(FRAMES.key(p)).port for p in range(tested.partitions)}
        assert len(nodes) > 1

    async def test_a_settlement_over_all_nodes_survives_lost_scripts(
        self, tested: RedisBroker
    ) -> None:
        await tested.publish([frame(0, f"call-{n}") for n in range(20)])
        found = await tested.read([FRAMES], "inference", "a", count=20)
        await tested._client.execute_command("SCRIPT FLUSH", target_nodes="all")
        assert (
            await tested.settle([Outcome(each, [score_of(each)]) for each in found]) == [True] * 20
        )
        assert len(await seqs(tested)) == 20


def short_lived(stream: Stream) -> Stream:
    return replace(stream, retention=timedelta(0))


async def test_trimming_never_takes_what_a_group_still_needs(broker: RedisBroker) -> None:
    stream = short_lived(FRAMES)
    await broker.publish([frame(seq) for seq in range(6)])
    await asyncio.sleep(0.002)  # retention counts in whole milliseconds
    assert await broker.trim(stream) == 0, "nothing was delivered"
    deliveries = await broker.read([FRAMES], "inference", "a", count=4)
    assert await broker.trim(stream) == 0, "all delivered ones are pending"
    await broker.settle([Outcome(delivery) for delivery in deliveries[:3]])
    assert await broker.trim(stream) == 3
    await broker.settle([Outcome(deliveries[3])])
    assert await broker.trim(stream) == 1
    rest = await broker.read([FRAMES], "inference", "a", count=10)
    assert [d.entry.fields["pcm"][0] for d in rest] == [4, 5], "undelivered ones were spared"


async def test_trimming_keeps_the_history_that_windows_need(broker: RedisBroker) -> None:
    await broker.publish([frame(0)])
    deliveries = await broker.read([FRAMES], "inference", "a", count=4)
    await broker.settle([Outcome(delivery) for delivery in deliveries])
    assert await broker.trim(FRAMES) == 0


async def test_a_stream_without_one_of_its_groups_is_not_trimmed(broker: RedisBroker) -> None:
    stream = replace(short_lived(FRAMES), groups=("inference", "newcomer"))
    await broker.publish([frame(0)])
    deliveries = await broker.read([FRAMES], "inference", "a", count=4)
    await broker.settle([Outcome(delivery) for delivery in deliveries])
    assert await broker.trim(stream) == 0


async def test_entries_trimmed_behind_our_back_are_dropped_by_a_claim(broker: RedisBroker) -> None:
    await broker.publish([frame(0), frame(1)])
    first, _ = await broker.read([FRAMES], "inference", "dead", count=10)
    await broker._client.xdel(FRAMES.key(first.partition), first.entry.entry_id)
    claimed = await broker.claim(FRAMES, "inference", "b", min_idle=ALL, count=10)
    assert [d.entry.fields["pcm"][0] for d in claimed] == [1]


async def test_groups_come_back_after_the_server_lost_its_data(broker: RedisBroker) -> None:
    await broker._client.flushall()
    assert await broker.read([FRAMES], "inference", "a", count=1) == []
    await broker.publish([frame(0)])
    assert len(await broker.read([FRAMES], "inference", "a", count=1)) == 1


async def test_results_and_claims_survive_a_killed_server() -> None:
    """A restart with append-only file: neither published nor pending entries are lost."""
    with short_folder() as folder:
        with redis_server(folder, appendonly=True) as (url, process):
            broker = connect(url)
            await broker.setup(STREAMS)
            await broker.publish([frame(seq) for seq in range(4)])
            one, *_ = await broker.read([FRAMES], "inference", "a", count=2)
            await broker.settle([Outcome(one, [score_of(one)])])
            await broker.close()
            process.send_signal(signal.SIGKILL)
            process.wait()
        (folder / "redis.sock").unlink(missing_ok=True)
        with redis_server(folder, appendonly=True) as (url, _):
            broker = connect(url)
            await broker.setup(STREAMS)
            assert await seqs(broker) == [0]
            claimed = await broker.claim(FRAMES, "inference", "b", min_idle=ALL, count=9)
            fresh = await broker.read([FRAMES], "inference", "b", count=9)
            assert sorted(d.entry.fields["pcm"][0] for d in claimed + fresh) == [1, 2, 3]
            await broker.close()


async def test_a_silent_server_is_an_error_within_seconds() -> None:
    with short_folder() as folder, redis_server(folder) as (url, process):
        broker = connect(url)
        await broker.setup(STREAMS)
        process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(15):
                with pytest.raises(BrokerUnavailableError):
                    await broker.ping()
        finally:
            process.send_signal(signal.SIGCONT)
        await wait_until(lambda: _answers(broker))
        await broker.close()


async def _answers(broker: RedisBroker) -> bool:
    try:
        await broker.ping()
    except BrokerUnavailableError:
        return False
    return True


async def test_an_absent_server_says_so() -> None:
    broker = connect("redis://127.0.0.1:1")
    with pytest.raises(BrokerUnavailableError, match="cannot be reached"):
        await broker.ping()
    await broker.close()


async def test_a_full_server_is_told_apart_from_an_absent_one(broker: RedisBroker) -> None:
    await broker._client.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(BrokerUnavailableError, match="refused"):
            await broker.publish([frame(0)] * 100)
    finally:
        await broker._client.config_set("maxmemory", "0")


async def test_an_old_server_is_refused(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(probe_module.MINIMUM, "redis", (99, 0))
    monkeypatch.setitem(probe_module.MINIMUM, "valkey", (99, 0))
    broker.capabilities = None
    with pytest.raises(ConfigurationError, match="too old"):
        await broker.setup(STREAMS)
