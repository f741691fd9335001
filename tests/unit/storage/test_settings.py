"""Where the records lie, and what is refused at once."""

from pathlib import Path

import pytest

from tonewatch.shared.errors import ConfigurationError
from tonewatch.storage.database import Database
from tonewatch.storage.service import consumer_name
from tonewatch.storage.settings import StorageOptions, StorageSettings


def test_records_lie_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    settings = StorageSettings(data_dir=tmp_path)
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/tonewatch.db"
    assert settings.storage.port == 8082


def test_the_password_of_a_database_is_not_shown() -> None:
    options = StorageOptions(database_url="postgresql+asyncpg://u:hunter2@db/tonewatch")
    settings = StorageSettings(storage=options)
    assert "hunter2" in settings.database_url
    assert "hunter2" not in str(settings.masked())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://u:hunter2@db/tonewatch", "postgresql\\+asyncpg"),
        ("mysql+aiomysql://u:hunter2@db/tonewatch", "sqlite\\+aiosqlite"),
        ("a file", "no database URL"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_its_password(
    url: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Database(url)
    assert "hunter2" not in caught.value.message


def test_a_restarted_process_finds_its_own_work_and_two_on_free_ports_are_apart() -> None:
    assert consumer_name(8082) == consumer_name(8082)
    assert consumer_name(0) != consumer_name(0)
