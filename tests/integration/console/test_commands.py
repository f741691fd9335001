"""`tonewatch-console key` and `link`: for whoever has the machine."""

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.signed_in import PASSWORD, opened_door, sign_in
from tonewatch.console.commands import add_commands
from tonewatch.shared.errors import InvalidInputError, NotFoundError


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("TONEWATCH_DATA_DIR", str(tmp_path))
    app = typer.Typer()
    add_commands(app)
    return app


def run(command: typer.Typer, *arguments: str) -> str:
    """What it prints."""
    result = CliRunner().invoke(command, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout.strip()


def test_a_key_is_printed_and_works(command: typer.Typer, tmp_path: Path) -> None:
    everything = run(command, "key", "--name", "report")
    options = ["--scope", "alerts:read", "--scope", "live:read", "--label", "queue=vip"]
    narrow = run(command, "key", "--name", "narrow", *options)

    async def look() -> None:
        async with opened_door(tmp_path) as door:
            found = await door.keys.find(everything)
            assert found is not None
            assert "users:write" in found.permissions
            found = await door.keys.find(narrow)
            assert found is not None
            assert sorted(found.permissions) == ["alerts:read", "live:read", "self:read"]
            assert found.labels == {"queue": "vip"}

    asyncio.run(look())


def test_mistakes_are_named(command: typer.Typer) -> None:
    with pytest.raises(InvalidInputError, match="name=value"):
        run(command, "key", "--name", "x", "--label", "queue")
    with pytest.raises(InvalidInputError, match=r"there is no scope alerts.*alerts:read"):
        run(command, "key", "--name", "x", "--scope", "alerts")
    with pytest.raises(NotFoundError, match="none yet"):
        run(command, "link", "anna")


def test_a_link_lets_an_admin_in_who_forgot_the_password(
    command: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lock_out() -> None:
        async with opened_door(tmp_path) as door:
            await sign_in(door, name="Anna", password=PASSWORD)

    async def come_back(token: str) -> None:
        async with opened_door(tmp_path) as door:
            account = await door.links.use(token, None, await door.passwords.hash("new password"))
            assert account.name == "Anna"

    asyncio.run(lock_out())
    monkeypatch.setenv("TONEWATCH_CONSOLE__PUBLIC_URL", "https://calls.example/")
    link = run(command, "link", "anna")
    assert link.startswith("https://calls.example/welcome#")
    asyncio.run(come_back(link.partition("#")[2]))
