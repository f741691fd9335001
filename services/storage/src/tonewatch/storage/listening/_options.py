"""What an operator can set about listening in."""

from pydantic import BaseModel, ConfigDict, Field

from tonewatch.shared.messages import Speaker
from tonewatch.storage.consent import Sources


class ListeningOptions(BaseModel):
    """The part `listening` of the section `storage`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Sources = Field(
        default="labelled",
        description="Whose live calls may be listened to: nobody's; those of sources whose label "
        "`listen` is `true`, or names the speakers (`customer`, `agent`, `mixed`; several with "
        "spaces); all",
    )
    speakers: tuple[Speaker, ...] = Field(
        default=tuple(Speaker), description="Who may be heard at all, whatever labels say"
    )
    most: int = Field(
        default=8, ge=1, le=100, description="So many may listen at once; each reads a stream"
    )
