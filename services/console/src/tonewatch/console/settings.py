"""What an operator can set for the console: where it listens and where the other services are."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, StringConstraints

from tonewatch.console.outside import OidcOptions, ProxyOptions
from tonewatch.shared.database import url_or_file
from tonewatch.shared.settings import Port, ServiceOptions, Settings

ServiceUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/[^\s?#]*)?$")]


class ConsoleOptions(ServiceOptions):
    """The section `console`."""

    port: Port = 7860
    ingest_url: ServiceUrl = Field(default="http://127.0.0.1:8080", description="Where ingest is")
    alerting_url: ServiceUrl = Field(
        default="http://127.0.0.1:8081", description="Where alerting is"
    )
    storage_url: ServiceUrl = Field(default="http://127.0.0.1:8082", description="Where storage is")
    inference_url: ServiceUrl = Field(
        default="http://127.0.0.1:8083", description="Where inference answers /v1/engine and /ready"
    )
    upstream_seconds: float = Field(
        default=10.0, gt=0, description="Longest silence of a service before the console gives up"
    )
    upload_seconds: float = Field(
        default=120.0, gt=0, description="The same while a recording is uploaded and examined"
    )
    heartbeat_seconds: float = Field(
        default=5.0, gt=0, description="Longest silence of the live event stream"
    )
    viewer_queue: int = Field(
        default=2000, ge=10, description="Events held for a slow viewer before it must start afresh"
    )
    database_url: SecretStr | None = Field(
        default=None, description="Accounts, keys and audit; default console/console.db in data_dir"
    )
    public_url: ServiceUrl | None = Field(
        default=None, description="How people reach the console, such as https://calls.example"
    )
    session_idle_hours: float = Field(
        default=12.0, gt=0, description="A session that is not used for so long ends"
    )
    session_days: float = Field(default=7.0, gt=0, description="Longest life of a session")
    audit_days: int = Field(default=365, ge=1, description="How long the audit log is kept")
    proxy_auth: ProxyOptions | None = Field(
        default=None, description="Reverse proxies that are believed, and sign people in if so set"
    )
    oidc: OidcOptions | None = Field(
        default=None, description="An identity provider (OpenID Connect) where people sign in"
    )


class ConsoleSettings(Settings):
    """All settings of the console."""

    section: ClassVar[str] = "console"

    console: ConsoleOptions = Field(default_factory=ConsoleOptions, description="The console")

    @property
    def database_url(self) -> str:
        """The effective database."""
        return url_or_file(self.console.database_url, self.folder / "console.db")

    @property
    def folder(self) -> Path:
        """Where the console keeps its files."""
        return self.data_dir / "console"

    @property
    def base_url(self) -> str:
        """How people reach the console, as far as the settings tell."""
        host = self.console.host
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            host = "localhost"
        host = f"[{host}]" if ":" in host else host
        return self.console.public_url or f"http://{host}:{self.console.port}"
