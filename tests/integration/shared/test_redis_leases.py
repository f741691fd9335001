"""Leases on a real Redis, Valkey and cluster; and what a frozen server does to them."""

import asyncio
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

TTL = timedelta(seconds=0.6)


def connected(url: str, *, cluster: bool = False) -> Any:
    return create_redis(RedisOptions(url=SecretStr(url), cluster=cluster), "test-leases")


def rig_of(client: Any) -> Rig:
    async def pass_lives(lives: float) -> None:
        await asyncio.sleep(lives * TTL.total_seconds())

    async def lose_data() -> None:
        await client.flushall()

    store = RedisLeases(client, "test", timeout=TTL / 4)
    return Rig(store, TTL, time.monotonic, pass_lives, lose_data)


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
        rig = rig_of(client)
        first, second = await rig.joined("a", "b")
        await first.acquire(["x"])
        process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(BrokerUnavailableError, match=r"no answer within 0\.15 s"):
                await first.turn()
            assert time.monotonic() - began < 1
            await rig.pass_lives(2)
        finally:
            process.send_signal(signal.SIGCONT)
        await second.turn()
        await second.acquire(["x"])
        await first.turn()
        assert (first.held, second.held) == ({"x"}, set())
        await client.aclose()
