"""One settings style: pydantic models read from environment, YAML file and secrets directory.

A service's settings are the common ones plus one section named after it. They are read, first one
wins, from `TONEWATCH_...` environment variables (`__` separates levels: `TONEWATCH_REDIS__URL`,
`TONEWATCH_INGEST__PORT`), files in the secrets directory (same names), and the YAML file that
`TONEWATCH_CONFIG` names. One YAML file serves all services: each reads the common part and its own
section. Settings are built in `main`, never at import, and passed down.
"""

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.redis_client import RedisOptions

SECTIONS: Final = ("ingest", "inference", "alerting", "storage", "console")
SECRETS_DIRECTORY: Final = Path("/run/secrets")


Port = Annotated[
    int, Field(ge=0, le=65535, description="Port of the HTTP server; 0 takes a free one")
]
"""A section gives its default: `port: Port = 8080`."""


class LogOptions(BaseModel):
    """How the service logs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is written"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON elsewhere"
    )


class ServiceOptions(BaseModel):
    """What every service's own section has; each service adds its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address the HTTP server listens on")
    port: Port
    drain_seconds: float = Field(
        default=10.0, gt=0, description="Time to finish what is in hand after SIGTERM"
    )


class Settings(BaseSettings):
    """Common settings; a service's class adds the field named after it."""

    model_config = SettingsConfigDict(
        env_prefix="TONEWATCH_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # a wrong value may be a secret
    )

    section: ClassVar[str] = ""

    redis: RedisOptions = Field(default_factory=RedisOptions, description="The broker")
    partitions: int = Field(
        default=16, ge=1, le=1024, description="Fixed for a deployment; all services alike"
    )
    log: LogOptions = Field(default_factory=LogOptions, description="Logging")
    data_dir: Path = Field(
        default=Path("data"), description="Where SQLite files, models and clips lie"
    )
    token: SecretStr | None = Field(
        default=None, description="What the services show each other; all alike"
    )
    token_file: Path | None = Field(
        default=None, description="File that keeps the token; made by whoever comes first"
    )

    @model_validator(mode="before")
    @classmethod
    def _ignore_other_sections(cls, values: dict[str, Any]) -> dict[str, Any]:
        """One file serves all services, so the others' sections are no errors."""
        return {k: v for k, v in values.items() if k == cls.section or k not in SECTIONS}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - .env is compose's business
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, secrets directory, YAML file."""
        sources = [init_settings, env_settings, file_secret_settings]
        if path := os.environ.get("TONEWATCH_CONFIG"):
            sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
        return tuple(sources)

    @classmethod
    def load(cls) -> Self:
        """Read the settings from all sources.

        Raises:
            ConfigurationError: a value is wrong or unknown; the message names each field.
        """
        path = os.environ.get("TONEWATCH_CONFIG")
        if path and not Path(path).is_file():
            raise ConfigurationError(f"TONEWATCH_CONFIG names {path}, which is no file")
        try:
            secrets = SECRETS_DIRECTORY if SECRETS_DIRECTORY.is_dir() else None
            return cls(_secrets_dir=secrets)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path} is not valid YAML: {error}") from error
        except ValidationError as error:
            raise ConfigurationError(_explain(error)) from error

    def masked(self) -> dict[str, Any]:
        """The effective settings, secrets shown as asterisks."""
        return self.model_dump(mode="json")


def _explain(error: ValidationError) -> str:
    lines = [
        f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]
    return "these settings cannot be used:\n" + "\n".join(lines)
