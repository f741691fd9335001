"""Databases for the tests of storage: a fresh SQLite file, a fresh PostgreSQL database."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from tests.support.postgres import USER, postgres_server
from tonewatch.shared.broker import MemoryBroker, RedisBroker
from tonewatch.shared.database import close_engine, create_engine, sqlite_url
from tonewatch.shared.http import ASGITransport, AsyncClient
from tonewatch.shared.runtime import build_app
from tonewatch.storage.database import Database
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageOptions, StorageSettings
from tonewatch.storage.store import Store

MakeService = Callable[..., StorageService]


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """One server per worker process."""
    with postgres_server() as folder:
        yield folder


@pytest.fixture
async def postgres_url(postgres_folder: Path) -> str:
    """URL of a PostgreSQL database without tables (emptying it is quicker than making another)."""
    url = f"postgresql+asyncpg://{USER}@/postgres?host={postgres_folder}"
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await close_engine(engine)
    return url


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where this test's SQLite file lies."""
    return tmp_path / "tonewatch.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(request.getfixturevalue("sqlite_path"))
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with its schema."""
    made = Database(database_url)
    await made.prepare()
    yield made
    await made.close()


@pytest.fixture
def store(database: Database) -> Store:
    """Writes to the database."""
    return Store(database)


@pytest.fixture
async def sqlite(sqlite_path: Path) -> AsyncIterator[Database]:
    """An SQLite file with its schema, for tests that need no second kind of database."""
    made = Database(sqlite_url(sqlite_path))
    await made.prepare()
    yield made
    await made.close()


@pytest.fixture
def make_service(broker: RedisBroker, tmp_path: Path) -> MakeService:
    """Builds a storage service over the test's Redis and folder."""

    def make(**options: Any) -> StorageService:
        chosen = StorageOptions(**({"port": 0, "batch_seconds": 0.02} | options))
        return StorageService(
            StorageSettings(data_dir=tmp_path, partitions=broker.partitions, storage=chosen), broker
        )

    return make


@pytest.fixture
async def client(
    database: Database, database_url: str, memory_broker: MemoryBroker, tmp_path: Path
) -> AsyncIterator[AsyncClient]:
    """Asks a service over the database; its loops do not run."""
    options = StorageOptions(port=0, database_url=SecretStr(database_url))
    settings = StorageSettings(data_dir=tmp_path, storage=options)
    service = StorageService(settings, memory_broker)
    transport = ASGITransport(build_app(service))
    async with AsyncClient(transport=transport, base_url="http://storage") as made:
        yield made
    await service.close()
