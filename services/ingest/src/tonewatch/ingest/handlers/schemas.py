"""What the API takes and answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from tonewatch.ingest.catalog import Change
from tonewatch.ingest.handlers.addresses import Addresses
from tonewatch.ingest.live import Quality, SourceState, Status
from tonewatch.ingest.sources import Layout, Source, SourceKind, Voices
from tonewatch.ingest.sources.texts import plain, plain_labels, plain_url
from tonewatch.ingest.uploads import Upload, UploadState
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.logging import scrub
from tonewatch.shared.messages import LabelName, Labels, Speaker

UtcTime = Annotated[datetime, PlainSerializer(iso_utc, return_type=str)]


Policy = Annotated[
    dict[Speaker, Literal["on", "off"]],
    Field(
        description="Speakers whose emotions are not to be monitored are off: none of their audio"
        " is kept or scored",
        examples=[{"agent": "off"}],
    ),
]
ChannelLayout = Annotated[
    Layout, Field(description="Who speaks on which channel; mixed: the channels become one track")
]
PermittedLabels = Annotated[
    list[LabelName],
    Field(max_length=32, description="Labels that who sends the audio may set, call by call"),
]

PlainText = Annotated[str, AfterValidator(plain)]
PlainLabels = Annotated[Labels, AfterValidator(plain_labels)]


class NewSource(BaseModel):
    """A source to add: `url` for pull, nothing for the others, to which audio is sent."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "line 4", "kind": "rtmp", "channels": "left=customer,right=agent"},
                {"name": "radio", "url": "https://stream.example.com/live.mp3"},
            ]
        },
    )

    name: PlainText = Field(min_length=1, max_length=256)
    kind: Literal["pull", "rtmp", "websocket", "audiosocket"] = "pull"
    url: Annotated[str, AfterValidator(plain_url)] | None = Field(default=None, max_length=2048)
    labels: PlainLabels = Field(default_factory=dict, max_length=32)
    channels: ChannelLayout = Layout.MIXED
    policy: Policy = Field(default_factory=dict)
    permitted_labels: PermittedLabels = Field(default_factory=list)


class SourceChange(BaseModel):
    """What to change of a source; what is absent stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"labels": {}}]})

    name: PlainText | None = Field(default=None, min_length=1, max_length=256)
    labels: PlainLabels | None = Field(default=None, max_length=32)
    channels: ChannelLayout | None = None
    policy: Policy | None = None
    permitted_labels: PermittedLabels | None = None

    def to_change(self, former: Voices) -> Change:
        """The new values, beside the voices as they were."""
        values: dict[str, Any] = self.model_dump(
            include={"name", "labels", "permitted_labels"}, exclude_none=True
        )
        if "permitted_labels" in values:
            values["permitted_labels"] = tuple(values["permitted_labels"])
        if self.channels is not None or self.policy is not None:
            layout = former.layout if self.channels is None else self.channels
            off = former.unmonitored if self.policy is None else unmonitored(self.policy)
            values["voices"] = Voices(layout, off)
        return Change(values)


class SourceView(BaseModel):
    """A source and how it is."""

    id: str
    name: str
    kind: SourceKind
    url: str | None = Field(
        description="Without credentials; where audio is sent to, if it is not pulled"
    )
    labels: Labels
    channels: Layout
    policy: dict[Speaker, Literal["on", "off"]]
    permitted_labels: list[str]
    state: SourceState
    reason: str | None
    since: UtcTime
    session_id: str | None = Field(description="The newest one that is open")
    open_sessions: int = Field(description="A websocket or audiosocket source can have many")
    reconnects: int
    quality: Quality | None = Field(
        description="The connection over the last hour; null without audio to judge by"
    )
    replica: str | None = Field(description="Who runs it, where replicas share the sources")


class TransitionView(BaseModel):
    """A source came into a state."""

    at: UtcTime
    state: SourceState
    reason: str | None


class SourceHistory(BaseModel):
    """The newest changes of a source's state since ingest was started, newest first."""

    items: list[TransitionView]


class SourceWithKey(SourceView):
    """The same with its stream key, which is shown this once."""

    stream_key: str
    publish_url: str


class SourceList(BaseModel):
    """All sources, oldest first; `cursor` is where /v1/sources/events goes on from here."""

    items: list[SourceView]
    next_cursor: str | None = None
    cursor: str


class UploadAccepted(BaseModel):
    """A recording is being taken in."""

    session_id: str
    source_id: str
    name: str
    state: UploadState


class UploadView(BaseModel):
    """How far ingest is with a recording."""

    session_id: str
    name: str
    state: UploadState
    frames: int
    duration_seconds: float = Field(description="Audio taken in so far")
    progress: float | None = Field(
        description="Share of the recording that was taken in, 0 to 1; null if it does not say how"
        " long it is"
    )
    error: str | None
    created_at: UtcTime


class UploadList(BaseModel):
    """Recordings, newest first."""

    items: list[UploadView]
    next_cursor: str | None


def unmonitored(policy: Mapping[Speaker, str]) -> frozenset[Speaker]:
    """The speakers that a policy switches off."""
    return frozenset(speaker for speaker, switch in policy.items() if switch == "off")


def view_source(source: Source, status: Status, addresses: Addresses) -> SourceView:
    """A source as the API shows it: no password, no key."""
    url = addresses.of(source)
    return SourceView(
        id=source.id,
        name=source.name,
        kind=source.kind,
        url=None if url is None else scrub(url),
        labels=source.labels,
        channels=source.voices.layout,
        policy={
            speaker: "off" if speaker in source.voices.unmonitored else "on"
            for speaker in source.voices.channels
        },
        permitted_labels=list(source.permitted_labels),
        state=status.state,
        reason=status.reason,
        since=status.since,
        session_id=status.session_id,
        open_sessions=status.open_sessions,
        reconnects=status.reconnects,
        quality=status.quality(),
        replica=status.replica,
    )


def view_upload(upload: Upload) -> UploadView:
    """An upload as the API shows it."""
    return UploadView(
        session_id=upload.session_id,
        name=upload.name,
        state=upload.state,
        frames=upload.frames,
        duration_seconds=round(upload.duration_seconds, 3),
        progress=None if upload.progress is None else round(upload.progress, 4),
        error=upload.error,
        created_at=upload.created_at,
    )
