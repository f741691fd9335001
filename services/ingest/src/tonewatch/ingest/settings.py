"""What an operator can set for ingest, under `TONEWATCH_INGEST__...` or `ingest:` in the file."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from tonewatch.shared.database import url_or_file
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.settings import Port, ServiceOptions, Settings


class IngestOptions(ServiceOptions):
    """The `ingest` section."""

    port: Port = 8080
    database_url: SecretStr | None = Field(
        default=None,
        description="Where sources are kept; default: the SQLite file ingest.db in data_dir",
    )
    sources_file: Path | None = Field(
        default=None, description="YAML file with declared sources, read at the start"
    )
    ffmpeg: str | None = Field(
        default=None, description="Path of ffmpeg; default: on PATH, else imageio-ffmpeg's"
    )
    rtmp_play_base: str = Field(
        default="rtmp://127.0.0.1:1935/live",
        description="Where ingest pulls what encoders push to nginx-rtmp",
    )
    rtmp_publish_base: str = Field(
        default="rtmp://127.0.0.1:1935/live", description="Where users are told to push to"
    )
    egress: AddressPolicy = Field(
        default_factory=AddressPolicy, description="Which addresses may be pulled from"
    )
    stall_seconds: float = Field(
        default=10.0, gt=0, le=60, description="A stream without audio for so long is dead"
    )
    retry_max_seconds: float = Field(
        default=2.0, gt=0, description="Longest pause before a lost stream is tried again"
    )
    retry_broken_seconds: float = Field(
        default=30.0, gt=0, description="The same where the answer was no audio at all"
    )
    pull_ahead_seconds: float = Field(
        default=30.0,
        ge=1,
        description="How far a pulled URL may run ahead of real time (a file is then paced)",
    )
    buffer_frames: int = Field(
        default=600, ge=1, description="Frames held, over all sources, while Redis is away"
    )
    max_upload_bytes: int = Field(default=500 * 2**20, ge=1, description="Largest uploaded file")
    max_upload_seconds: float = Field(
        default=4 * 3600.0, gt=0, description="Longest uploaded recording"
    )
    max_uploads: int = Field(default=8, ge=1, description="Recordings taken in at the same time")


class IngestSettings(Settings):
    """Settings of the ingest service."""

    section: ClassVar[str] = "ingest"

    ingest: IngestOptions = Field(default_factory=IngestOptions, description="The ingest service")

    @property
    def database_url(self) -> str:
        """The URL of the registry database."""
        return url_or_file(self.ingest.database_url, self.data_dir / "ingest.db")

    @property
    def spool_dir(self) -> Path:
        """Where uploaded files lie while they are decoded."""
        return self.data_dir / "spool"
