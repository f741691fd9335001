"""Databases for the tests of storage: a fresh SQLite file, a fresh PostgreSQL database."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
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
NAME = "tonewatch"
TEMPLATE = "with_schema"


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """One server per worker process."""
    with postgres_server() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_template(postgres_folder: Path) -> str:
    """Name of a database with the schema and nothing else, to be copied: that is quicker."""
    _apart(_recreate(postgres_folder, TEMPLATE))
    _apart(_prepare(_url(postgres_folder, TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("template") / "tonewatch.db"
    _apart(_prepare(sqlite_url(path)))
    return path


def _apart(work: Coroutine[Any, Any, None]) -> None:
    """Do it in a thread, for here a loop may be running already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _prepare(url: str) -> None:
    database = Database(url)
    await database.prepare()
    await database.close()


def _url(folder: Path, name: str) -> str:
    return f"postgresql+asyncpg://{USER}@/{name}?host={folder}"


async def _recreate(folder: Path, name: str, template: str = "template0") -> None:
    engine = create_engine(_url(folder, "postgres"))
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        await alone.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    await close_engine(engine)


@pytest.fixture
async def postgres_url(postgres_folder: Path) -> str:
    """URL of a PostgreSQL database without tables."""
    await _recreate(postgres_folder, NAME)
    return _url(postgres_folder, NAME)


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
async def database(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Database]:
    """A database with its schema."""
    if database_url.startswith("sqlite"):
        sqlite = request.getfixturevalue("sqlite_path")
        shutil.copy(request.getfixturevalue("sqlite_template"), sqlite)
    else:
        folder = request.getfixturevalue("postgres_folder")
        await _recreate(folder, NAME, request.getfixturevalue("postgres_template"))
    made = Database(database_url)
    await made.prepare()
    yield made
    await made.close()


@pytest.fixture
def store(database: Database) -> Store:
    """Writes to the database."""
    return Store(database)


@pytest.fixture
async def sqlite(sqlite_template: Path, sqlite_path: Path) -> AsyncIterator[Database]:
    """An SQLite file with its schema, for tests that need no second kind of database."""
    shutil.copy(sqlite_template, sqlite_path)
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
