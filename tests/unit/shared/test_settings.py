"""Settings: precedence, other services' sections, secrets, and errors that name the field."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr

from tonewatch.shared import settings as settings_module
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.settings import Port, ServiceOptions, Settings


class IngestOptions(ServiceOptions):
    port: Port = 8080
    label: str = "default"
    password: SecretStr | None = None


class IngestSettings(Settings):
    section: ClassVar[str] = "ingest"

    ingest: IngestOptions = Field(default_factory=IngestOptions)


@pytest.fixture
def yaml_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tonewatch.yaml"
    monkeypatch.setenv("TONEWATCH_CONFIG", str(path))
    return path


def test_defaults_need_nothing() -> None:
    settings = IngestSettings.load()
    assert settings.partitions == 16
    assert settings.ingest.port == 8080


def test_environment_beats_secrets_directory_beats_file(
    yaml_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml_file.write_text(
        "partitions: 2\nredis: {url: 'redis://from-file'}\ningest: {label: file}\n"
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "TONEWATCH_PARTITIONS").write_text("3")
    monkeypatch.setattr(settings_module, "SECRETS_DIRECTORY", secrets)
    monkeypatch.setenv("TONEWATCH_INGEST__LABEL", "environment")
    settings = IngestSettings.load()
    assert settings.redis.url.get_secret_value() == "redis://from-file"
    assert settings.partitions == 3
    assert settings.ingest.label == "environment"


def test_one_file_serves_all_services(yaml_file: Path) -> None:
    yaml_file.write_text("ingest: {port: 1}\nalerting: {whatever: true}\n")
    assert IngestSettings.load().ingest.port == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("partitions: many", "partitions"),
        ("partitons: 4", "partitons"),
        ("ingest: {port: 99999}", "ingest.port"),
        ("ingest: {prot: 1}", "ingest.prot"),
        ("ingest: {port: [", "not valid YAML"),
    ],
)
def test_an_error_names_the_field(yaml_file: Path, text: str, field: str) -> None:
    yaml_file.write_text(text)
    with pytest.raises(ConfigurationError, match=field):
        IngestSettings.load()


def test_a_missing_file_is_named(yaml_file: Path) -> None:
    with pytest.raises(ConfigurationError, match=yaml_file.name):
        IngestSettings.load()


def test_secrets_are_neither_shown_nor_repeated_in_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TONEWATCH_INGEST__PASSWORD", "hunter2")
    monkeypatch.setenv("TONEWATCH_REDIS__URL", "redis://:hunter2@host")
    assert "hunter2" not in str(IngestSettings.load().masked())
    monkeypatch.setenv("TONEWATCH_INGEST__PORT", "hunter2")
    with pytest.raises(ConfigurationError) as caught:
        IngestSettings.load()
    assert "hunter2" not in str(caught.value)
