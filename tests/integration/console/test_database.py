"""The console's database, SQLite and PostgreSQL: the schema is that of the tables, and is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from tests.support.postgres import USER, postgres_server
from tests.support.signed_in import PASSWORD, api_key, opened_door, sign_in
from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.sessions import Visitor
from tonewatch.console.auth.tables import VERSION_TABLE, Base
from tonewatch.shared.database import close_engine, create_engine, sqlite_url
from tonewatch.shared.errors import ConflictError, UnauthorizedError


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres_server() as folder:
        yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "own.db")
    found: str = request.getfixturevalue("postgres_url")
    return found


def differences(connection: Connection) -> list[Any]:
    def ours(_name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or (_name or "").startswith("console_")

    options = {"version_table": VERSION_TABLE, "include_name": ours}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Base.metadata))


async def test_the_schema_is_that_of_the_tables(url: str, tmp_path: Path) -> None:
    for _ in range(2):
        async with opened_door(tmp_path, database_url=url):
            pass
    engine = create_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await close_engine(engine)


async def test_sign_in_works_on_it(url: str, tmp_path: Path) -> None:
    async with opened_door(tmp_path, database_url=url) as door:
        somebody = await sign_in(door, "admin", name="陈", password=PASSWORD)
        key = await api_key(door, "alerts:read", labels={"queue": "甲"})
        link = await door.links.make(somebody.account_id)
        await door.audit.note_by(Deed("sign-in", "陈", detail={"a": 1}), "陈", "session", "::1")
        with pytest.raises(ConflictError):
            await door.accounts.delete(somebody.account_id)
    async with opened_door(tmp_path, database_url=url) as door:
        found = await door.sessions.find(somebody.token)
        assert found is not None
        assert found.name == "陈"
        program = await door.keys.find(key)
        assert program is not None
        assert program.labels == {"queue": "甲"}
        with pytest.raises(UnauthorizedError):
            await door.sign_in("陈", "wrong password", Visitor())
        token, _ = await door.sign_in("陈", PASSWORD, Visitor())
        assert await door.sessions.find(token) is not None
        hashed = await door.passwords.hash("a new password")
        await door.links.use(link.path.partition("#")[2], None, hashed)
        assert await door.sessions.find(token) is None
        assert (await door.audit.page(10, None))[-1].detail == {"a": 1}
        await door.forget_old()
        # what belongs to an account goes with it
        other = await sign_in(door, "agent", {"agent_id": "1"})
        await door.accounts.delete(other.account_id)
        assert await door.sessions.find(other.token) is None
