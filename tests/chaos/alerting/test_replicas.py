"""Two replicas share the partitions: whatever happens to one, the other takes over.

On PostgreSQL, as documented: SQLite has one write lock, which a frozen process may hold.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.alerting.load import QUIET, Feeder, Load, make_load
from tests.chaos.alerting.process import Forked, forked
from tests.chaos.alerting.test_killed import assert_ids_agree, hooks, received
from tests.integration.alerting.receiver import Receiver, receiving
from tests.support.messages import make_score
from tests.support.postgres import USER, postgres_server
from tests.support.redis_server import connect
from tests.support.severable import Severable, severable
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.ids import derived_id
from tonewatch.shared.streams import SCORES, STREAMS, partition_of

PARTITIONS = 16
TAKEOVER_SECONDS = 10
INTERVAL_SECONDS = 0.05

pytestmark = pytest.mark.timeout(180)


@dataclass
class Pair:
    """Two replicas, of which the first reaches Redis through a proxy."""

    first: Forked
    second: Forked
    proxy: Severable
    broker: RedisBroker
    receiver: Receiver
    load: Load

    async def both_at_work(self) -> None:
        """Both started, and both have partitions."""
        await asyncio.gather(self.first.start_and_wait(), self.second.start_and_wait())

        async def shared() -> bool:
            shares = [await each.partitions() for each in (self.first, self.second)]
            return all(shares) and sum(shares) == PARTITIONS

        await wait_until(shared, timeout_seconds=30)

    async def burst(self, name: str) -> set[tuple[str, str]]:
        """Angry calls in all partitions; returns what should be told of them."""
        calls: dict[int, str] = {}
        for number in range(1000):
            session = f"{name}-{number}"
            calls.setdefault(partition_of(f"{session}:mixed", PARTITIONS), session)
        assert len(calls) == PARTITIONS
        scores = [
            make_score(seq, "angry", session_id=session, final=seq == 2)
            for session in calls.values()
            for seq in range(3)
        ]
        await self.broker.publish([Outgoing(SCORES, score) for score in scores])
        return {
            (derived_id("angry", f"{session}:mixed", "0"), state)
            for session in calls.values()
            for state in ("firing", "resolved")
        }

    async def told_within(self, wanted: set[tuple[str, str]], seconds: float) -> None:
        """Wait until all these were told."""
        await wait_until(lambda: received(self.receiver).keys() >= wanted, seconds)


@pytest.fixture
def database_url() -> Iterator[str]:
    with postgres_server() as folder:
        yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"


@pytest.fixture
async def pair(
    redis_url: str, database_url: str, tmp_path: Path, free_port: Callable[[], int]
) -> AsyncIterator[Pair]:
    async with pair_of(redis_url, database_url, tmp_path, free_port) as made:
        yield made


@asynccontextmanager
async def pair_of(
    redis_url: str, database_url: str, folder: Path, free_port: Callable[[], int]
) -> AsyncIterator[Pair]:
    load = make_load(folder, tracks=8, seconds=120, seed=9)
    broker = connect(redis_url, PARTITIONS)
    await broker.setup(STREAMS)
    async with receiving() as receiver, severable(Path(redis_url.removeprefix("unix://"))) as proxy:
        options: dict[str, Any] = {
            "webhooks": hooks(receiver),
            "rules_file": str(folder / "rules.yaml"),
            "notices": QUIET,
            "shared_partitions": True,
            "database_url": database_url,
        }
        async with (
            forked(proxy.url, folder, free_port(), partitions=PARTITIONS, **options) as first,
            forked(redis_url, folder, free_port(), partitions=PARTITIONS, **options) as second,
        ):
            yield Pair(first, second, proxy, broker, receiver, load)
    await broker.close()


Happening = Callable[[Pair], Awaitable[None]]


async def frozen(pair: Pair) -> None:
    pair.first.send(signal.SIGSTOP)


async def killed(pair: Pair) -> None:
    await pair.first.kill()


async def cut_off(pair: Pair) -> None:
    pair.proxy.cut()


async def woken(pair: Pair) -> None:
    pair.first.send(signal.SIGCONT)


async def started(pair: Pair) -> None:
    await pair.first.start_and_wait()


async def mended(pair: Pair) -> None:
    pair.proxy.mend()


@pytest.mark.parametrize(
    ("trouble", "relief"),
    [(killed, started), (frozen, woken), (cut_off, mended)],
    ids=["killed", "frozen", "cut off from Redis"],
)
async def test_the_other_takes_over_within_ten_seconds_and_no_alert_is_lost(
    pair: Pair, trouble: Happening, relief: Happening
) -> None:
    await pair.both_at_work()
    before = await pair.burst("before")
    await pair.told_within(before, TAKEOVER_SECONDS)
    feeder = Feeder(pair.broker, pair.load)
    async with feeder.feeding(INTERVAL_SECONDS):
        await trouble(pair)
        meanwhile = await pair.burst("meanwhile")
        await pair.told_within(meanwhile, TAKEOVER_SECONDS)
        assert await pair.second.partitions() == PARTITIONS
        await relief(pair)
    after = await pair.burst("after")
    wanted = pair.load.wanted | before | meanwhile | after
    await pair.told_within(wanted, 60)
    assert received(pair.receiver) == Counter(wanted)
    assert_ids_agree(pair.receiver)
