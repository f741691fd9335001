"""What an operator can set for storage."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr

from tonewatch.shared.database import url_or_file
from tonewatch.shared.settings import Port, ServiceOptions, Settings
from tonewatch.storage.evidence import EvidenceOptions
from tonewatch.storage.listening import ListeningOptions
from tonewatch.storage.retention import RetentionOptions


class StorageOptions(ServiceOptions):
    """The section `storage`."""

    port: Port = 8082
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite+aiosqlite:///PATH or postgresql+asyncpg://USER:PASSWORD@HOST/NAME; "
        "by default the file tonewatch.db in data_dir",
    )
    batch_rows: int = Field(
        default=1000, ge=1, le=5000, description="A batch of this many messages is written at once"
    )
    batch_seconds: float = Field(
        default=0.1, ge=0, le=10, description="Longest time that messages wait for a fuller batch"
    )
    disk_low_mb: float = Field(
        default=2000, ge=0, description="Less free space: seconds without their fine matrix"
    )
    disk_critical_mb: float = Field(
        default=500, ge=0, description="Less free space: only alerts and sessions are written"
    )
    rollup_seconds: float = Field(
        default=5.0, gt=0, le=600, description="How far segments and statistics may lag behind"
    )
    retention: RetentionOptions = Field(
        default_factory=RetentionOptions, description="How long what is kept"
    )
    evidence: EvidenceOptions = Field(
        default_factory=EvidenceOptions, description="Clips of the audio around alerts"
    )
    listening: ListeningOptions = Field(
        default_factory=ListeningOptions, description="Listening in to live calls"
    )
    claim_idle_seconds: float = Field(
        default=5.0, gt=0, description="Messages that a dead process left are taken over after this"
    )

    @property
    def linger(self) -> timedelta:
        """`batch_seconds` as a duration."""
        return timedelta(seconds=self.batch_seconds)

    @property
    def claim_idle(self) -> timedelta:
        """`claim_idle_seconds` as a duration."""
        return timedelta(seconds=self.claim_idle_seconds)


class StorageSettings(Settings):
    """Common settings and the section `storage`."""

    section: ClassVar[str] = "storage"

    storage: StorageOptions = Field(default_factory=StorageOptions, description="The service")

    @property
    def database_url(self) -> str:
        """Where the records lie; may carry a password."""
        return url_or_file(self.storage.database_url, self.data_dir / "tonewatch.db")
