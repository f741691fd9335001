"""What all messages have in common: version, type, trace context, and the track they belong to."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA_VERSION: Final = 1
"""Raised only by a change that an older consumer would misread."""

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
LabelValue = Annotated[str, StringConstraints(max_length=256)]
Labels = dict[LabelName, LabelValue]
"""Free key-values of a source or session: `agent_id`, `queue`, `customer_tier`, `order_id` ..."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\w.:-]+$")]


class Speaker(StrEnum):
    """Whose voice a track carries."""

    CUSTOMER = "customer"
    AGENT = "agent"
    MIXED = "mixed"


class Track(BaseModel):
    """One speaker of one session: the unit of ordering."""

    model_config = ConfigDict(frozen=True)

    session_id: Identifier
    speaker: Speaker = Speaker.MIXED

    @property
    def key(self) -> str:
        """The track as one string; its hash chooses the partition."""
        return f"{self.session_id}:{self.speaker.value}"


class Message(BaseModel):
    """Base of all message headers.

    Concrete messages add a `type` literal, by which a consumer tells apart what one stream carries.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")

    v: int = Field(default=SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, description="Schema version")
    traceparent: str | None = Field(
        default=None, max_length=64, description="W3C trace context of the frame this stems from"
    )
    session_id: Identifier = Field(description="One unbroken run of a source")
    source_id: Identifier = Field(description="The configured origin of the audio")
    labels: Labels = Field(
        default_factory=dict, max_length=32, description="Labels of the session, copied"
    )

    @property
    def partition_key(self) -> str:
        """What the partition is chosen by; messages of one key stay in order."""
        return self.session_id


class TrackMessage(Message):
    """Base of messages that belong to one track; they are partitioned by it."""

    speaker: Speaker = Field(default=Speaker.MIXED, description="Whose voice")

    @property
    def track(self) -> Track:
        """The track that this message belongs to."""
        return Track.model_construct(session_id=self.session_id, speaker=self.speaker)

    @property
    def partition_key(self) -> str:
        """The track's key: a track always maps to the same partition."""
        return f"{self.session_id}:{self.speaker.value}"
