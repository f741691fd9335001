"""The console's section of the settings."""

from pathlib import Path
from typing import Any

import pytest

from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.errors import ConfigurationError


def test_defaults_find_the_services_of_one_machine() -> None:
    options = ConsoleSettings.load().console
    assert options.port == 7860
    assert options.host == "127.0.0.1"
    assert options.storage_url == "http://127.0.0.1:8082"


@pytest.mark.parametrize("url", ["storage:8082", "ftp://storage", "http://", "http://a b"])
def test_an_address_that_is_no_url_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONEWATCH_CONSOLE__STORAGE_URL", url)
    with pytest.raises(ConfigurationError, match=r"console\.storage_url"):
        ConsoleSettings.load()


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://127.0.0.1:7860"),
        ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
        ({"host": "::1"}, "http://[::1]:7860"),
        ({"host": "::"}, "http://localhost:7860"),
        ({"public_url": "https://calls.example"}, "https://calls.example"),
    ],
)
def test_where_people_reach_the_console(options: dict[str, Any], url: str) -> None:
    assert ConsoleSettings.model_validate({"console": options}).base_url == url


def test_the_database_lies_in_the_data_folder_unless_another_is_named(tmp_path: Path) -> None:
    settings = ConsoleSettings.model_validate({"data_dir": tmp_path})
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/console/console.db"
    named = {"console": {"database_url": "postgresql+asyncpg://u:secret@h/n"}}
    settings = ConsoleSettings.model_validate(named)
    assert settings.database_url == "postgresql+asyncpg://u:secret@h/n"
    assert "secret" not in str(settings.masked())
