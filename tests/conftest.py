"""Fixtures for all levels; a test's level is the folder it lies in."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.ports import free_port
from tests.support.redis_server import redis_server
from tonewatch.shared.broker import MemoryBroker, RedisBroker
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import STREAMS

LEVELS = ("unit", "contract", "integration", "e2e", "chaos", "browser", "containers")
PARTITIONS = 4
SLOW = ("browser", "e2e", "chaos", "integration")

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("tonewatch", deadline=None)
settings.load_profile("tonewatch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the level of its folder, and spread those of slow levels."""
    for item in items:
        level = _level(item.path)
        if level not in LEVELS:
            raise pytest.UsageError(f"{item.path}: tests lie in one of {', '.join(LEVELS)}")
        item.add_marker(level)
    items[:] = _spread(items)


def _level(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).parts[0]


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """The modules of slow levels among each other: some keep a core busy, others mostly wait."""
    modules = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    levels = {
        level: [tests for tests in modules if _level(tests[0].path) == level] for level in LEVELS
    }
    slow = [
        (n / len(levels[level]), tests) for level in SLOW for n, tests in enumerate(levels[level])
    ]
    quick = [tests for level in LEVELS if level not in SLOW for tests in levels[level]]
    mixed = [tests for _, tests in sorted(slow, key=itemgetter(0))]
    return [item for tests in (*mixed, *quick) for item in tests]


@pytest.fixture(autouse=True)
def _no_project_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the shell it was started from."""
    for name in list(os.environ):
        if name.startswith("TONEWATCH_") and name != "TONEWATCH_REQUIRE_ALL":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """One real server per worker process, on a unix socket (whose path must be short)."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    try:
        with redis_server(folder) as (url, _):
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def redis_url(redis_server_url: str) -> str:
    """URL of an empty real Redis."""
    client = create_redis(RedisOptions(url=redis_server_url), "test-flush")
    await client.flushall()
    await client.aclose()
    return redis_server_url


@pytest.fixture
async def broker(redis_url: str) -> AsyncIterator[RedisBroker]:
    """The real broker, four partitions, all groups made."""
    client = create_redis(RedisOptions(url=redis_url), "test")
    made = RedisBroker(client, partitions=PARTITIONS)
    await made.setup(STREAMS)
    yield made
    await made.close()


@pytest.fixture
async def memory_broker() -> MemoryBroker:
    """The broker's twin in memory, four partitions, all groups made."""
    made = MemoryBroker(partitions=PARTITIONS)
    await made.setup(STREAMS)
    return made


@pytest.fixture(name="free_port")
def choose_free_port() -> Callable[[], int]:
    """Gives ports that are free."""
    return free_port


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """Path of an ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    import imageio_ffmpeg

    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([path, "-version"], check=True, capture_output=True)
    return path
