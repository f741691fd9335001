"""What an operator can set about evidence clips."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tonewatch.shared.messages import Speaker
from tonewatch.storage.consent import Sources


class EvidenceOptions(BaseModel):
    """The part `evidence` of the section `storage`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Sources = Field(
        default="labelled",
        description="Whose alerts get a clip: nobody's; those of sources whose label `evidence` is "
        "`true`, or names the speakers (`customer`, `agent`, `mixed`; several with spaces); all",
    )
    speakers: tuple[Speaker, ...] = Field(
        default=tuple(Speaker), description="Whose voice may be kept at all, whatever labels say"
    )
    before_seconds: int = Field(
        default=10, ge=0, le=30, description="Audio before the alert's first second"
    )
    after_seconds: int = Field(default=5, ge=0, le=30, description="Audio after its last second")
    retention_days: float = Field(default=30, gt=0, description="A clip is removed after this")
    keys: SecretStr | None = Field(
        default=None,
        description="Encrypts clips (Fernet): one key, or several with spaces, of which the first "
        "encrypts and all decrypt",
    )
    bucket: str | None = Field(
        default=None,
        description="s3://BUCKET/PREFIX keeps clips there instead of the folder `clips` of "
        "data_dir; credentials as AWS_... variables",
    )
