"""What an operator can set for ingest, under `TONEWATCH_INGEST__...` or `ingest:` in the file."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from tonewatch.ingest.folders import WatchedFolder
from tonewatch.ingest.sources.urls import PULL_PROTOCOLS, PullProtocol, PullRules
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
    pull_protocols: tuple[PullProtocol, ...] = Field(
        default=PULL_PROTOCOLS, description="Which kinds of URL may be pulled"
    )
    pull_verify_tls: bool = Field(
        default=True, description="Refuse https servers whose certificate cannot be verified"
    )
    recordings_dir: Path | None = Field(
        default=None, description="Folder whose files may be pulled as file:NAME"
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
        description="How far a pulled URL or a socket may run ahead of real time (then paced)",
    )
    ws_publish_base: str = Field(
        default="ws://127.0.0.1:8080",
        description="Where users are told to connect WebSockets to; if there is a proxy, its URL",
    )
    audiosocket_port: Port | None = Field(
        default=None, description="Port for Asterisk's AudioSocket, on `host`; default: off"
    )
    audiosocket_publish_base: str = Field(
        default="127.0.0.1:9092", description="HOST:PORT that users are told for AudioSocket"
    )
    hello_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time a new socket has to say whose audio it brings"
    )
    socket_connections: int = Field(default=1000, ge=1, description="Open sockets in all")
    socket_connections_per_source: int = Field(
        default=500, ge=1, description="Open sockets with the key of one source"
    )
    socket_connects_per_second: float = Field(
        default=50.0, gt=0, description="New sockets from one address; more are refused"
    )
    buffer_seconds: int = Field(
        default=120, ge=1, description="Seconds held of each session while Redis is away"
    )
    buffer_frames: int = Field(
        default=6000, ge=1, description="The same over all sessions, in frames of 32 KB"
    )
    shared_sources: bool = Field(
        default=False, description="Several replicas share the sources, by leases in Redis"
    )
    lease_seconds: float = Field(
        default=5.0, ge=1, le=60, description="A replica that is silent for so long is dead"
    )
    max_upload_bytes: int = Field(default=500 * 2**20, ge=1, description="Largest uploaded file")
    max_upload_seconds: float = Field(
        default=4 * 3600.0, gt=0, description="Longest uploaded recording"
    )
    max_uploads: int = Field(default=8, ge=1, description="Recordings taken in at the same time")
    upload_receive_seconds: float = Field(
        default=1800.0, gt=0, description="Time that a client has to send a recording"
    )
    watched_folders: tuple[WatchedFolder, ...] = Field(
        default=(), description="Folders whose recordings are taken in as they appear"
    )
    folder_poll_seconds: float = Field(
        default=2.0, gt=0, description="How often watched folders are looked at"
    )
    folder_settle_seconds: float = Field(
        default=5.0, ge=0, description="A file is complete when it did not change for so long"
    )

    @property
    def pull_rules(self) -> PullRules:
        """What users may pull."""
        return PullRules(self.pull_protocols, recordings=self.recordings_dir is not None)


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
