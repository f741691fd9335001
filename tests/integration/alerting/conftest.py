"""A running alerting service on a real Redis with a client of its API; databases of each kind."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import PARTITIONS
from tests.support.postgres import USER, postgres_server
from tests.support.running import running
from tonewatch.alerting.delivery.database import database_over
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.database import Database, close_engine, create_engine, sqlite_url
from tonewatch.shared.http import AsyncClient, create_client

Starting = Callable[..., AbstractAsyncContextManager[AsyncClient]]


@pytest.fixture
def alerting(broker: RedisBroker, tmp_path: Path) -> Starting:
    """Starts the service with some options; loopback receivers are allowed unless it says else."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[AsyncClient]:
        base = {"port": 0, "egress": {"allow": ["127.0.0.0/8"]}, "instance": "test"}
        settings = AlertingSettings(
            partitions=PARTITIONS, data_dir=tmp_path, alerting={**base, **options}
        )
        async with (
            running(AlertingService(settings, broker)) as url,
            create_client(base_url=url) as client,
        ):
            yield client

    return start


@pytest.fixture(scope="module")
def postgres_folder() -> Iterator[Path]:
    """A server, which only the tests that need one start."""
    with postgres_server() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind, without tables."""
    url = sqlite_url(tmp_path / "alerting.db")
    if request.param == "postgresql":
        folder: Path = request.getfixturevalue("postgres_folder")
        url = f"postgresql+asyncpg://{USER}@/postgres?host={folder}"
    engine = create_engine(url)
    if request.param == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
    yield database_over(engine)
    await close_engine(engine)


@pytest.fixture
async def database(empty: Database) -> Database:
    """A database of each kind, with the newest schema."""
    await empty.prepare()
    return empty
