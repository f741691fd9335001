"""What an operator can set for the console: where it listens and where the other services are."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

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


class ConsoleSettings(Settings):
    """All settings of the console."""

    section: ClassVar[str] = "console"

    console: ConsoleOptions = Field(default_factory=ConsoleOptions, description="The console")
