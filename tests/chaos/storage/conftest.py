"""Databases that chaos may hit: an SQLite file, and a PostgreSQL server of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import USER, postgres_server
from tonewatch.shared.database import sqlite_url


@pytest.fixture
def postgres_folder() -> Iterator[Path]:
    """A server that may be stopped."""
    with postgres_server() as folder:
        yield folder


@pytest.fixture
def postgres_url(postgres_folder: Path) -> str:
    """Its database."""
    return f"postgresql+asyncpg://{USER}@/postgres?host={postgres_folder}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "tonewatch.db")
    url: str = request.getfixturevalue("postgres_url")
    return url
