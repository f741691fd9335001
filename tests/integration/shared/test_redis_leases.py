"""Leases on a real Redis, Valkey and cluster; and what a frozen server does to them."""

import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.lease_cases import LeaseCases, Rig
from tests.support.redis_server import redis_server, short_folder
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.leases import RedisLeases
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import group_key

TTL = timedelta(minutes=1)
KEYS = [group_key("test", name) for name in ("members", "pulse")]
NOTES = group_key("test", "note:*")

# KEYS: members, pulse. ARGV: milliseconds. All that is written down there happened so much earlier.
EARLIER = """
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('ZINCRBY', KEYS[1], -ARGV[1], member)
end
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  redis.call('HINCRBY', KEYS[2], field, -ARGV[1])
end
"""


def connected(url: str, *, cluster: bool = False) -> Any:
    return create_redis(RedisOptions(url=SecretStr(url), cluster=cluster), "test-leases")


def rig_of(client: Any, *, timeout: timedelta = timedelta(seconds=30)) -> Rig:
    """Lives pass at once: what the server wrote down gets older, and the members' clock goes on."""
    passed_seconds = 0.0

    def now() -> float:
        return time.monotonic() + passed_seconds

    async def pass_lives(lives: float) -> None:
        nonlocal passed_seconds
        time_ms = round(lives * TTL.total_seconds() * 1000)
        passed_seconds += time_ms / 1000
        await client.eval(EARLIER, len(KEYS), *KEYS, time_ms)
        async for note in client.scan_iter(match=NOTES):
            await client.pexpire(note, await client.pttl(note) - time_ms)

    async def lose_data() -> None:
        await client.flushall()

    store = RedisLeases(client, "test", timeout=timeout)
    return Rig(store, TTL, now, pass_lives, lose_data)


class TestLeasesInRedis(LeaseCases):
    """All cases."""

    @pytest.fixture
    async def rig(self, redis_url: str) -> AsyncIterator[Rig]:
        client = connected(redis_url)
        yield rig_of(client)
        await client.aclose()


@pytest.mark.parametrize("server", ["valkey_url", "cluster_url"])
async def test_one_holder_on_other_servers_too(server: str, request: pytest.FixtureRequest) -> None:
    client = connected(request.getfixturevalue(server), cluster=server == "cluster_url")
    try:
        rig = rig_of(client)
        first, second = await rig.joined("a", "b")
        await first.acquire(["x"])
        await second.acquire(["x", "y"])
        await first.tell(b"note")
        assert (first.held, second.held) == ({"x"}, {"y"})
        assert await second.told() == {"a": b"note"}
    finally:
        await client.aclose()


async def test_a_frozen_server_delays_an_answer_by_no_more_than_the_limit() -> None:
    with short_folder() as folder, redis_server(folder) as (url, process):
        client = connected(url)
        rig = rig_of(client, timeout=timedelta(seconds=2))
        first, second = await rig.joined("a", "b")
        await first.acquire(["x"])
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(BrokerUnavailableError, match="no answer within 2 s"):
                await first.turn()
        finally:
            process.send_signal(signal.SIGCONT)
        await rig.pass_lives(2)
        await second.turn()
        await second.acquire(["x"])
        await first.turn()
        assert (first.held, second.held) == ({"x"}, set())
        await client.aclose()
