"""What the API takes and answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tonewatch.ingest.live import SourceState, Status
from tonewatch.ingest.sources import Source, SourceKind
from tonewatch.ingest.uploads import Upload, UploadState
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.logging import scrub
from tonewatch.shared.messages import Labels

UtcTime = Annotated[datetime, PlainSerializer(iso_utc, return_type=str)]


class NewSource(BaseModel):
    """A source to add: `url` for pull, nothing for rtmp."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=256)
    kind: Literal["pull", "rtmp"] = "pull"
    url: str | None = Field(default=None, max_length=2048)
    labels: Labels = Field(default_factory=dict, max_length=32)


class SourceView(BaseModel):
    """A source and how it is."""

    id: str
    name: str
    kind: SourceKind
    url: str | None = Field(description="Without credentials; for rtmp where encoders push to")
    labels: Labels
    state: SourceState
    reason: str | None
    since: UtcTime
    session_id: str | None
    reconnects: int


class SourceWithKey(SourceView):
    """The same with its stream key, which is shown this once."""

    stream_key: str
    publish_url: str


class SourceList(BaseModel):
    """All sources, oldest first."""

    items: list[SourceView]
    next_cursor: str | None = None


class UploadAccepted(BaseModel):
    """A recording is being taken in."""

    session_id: str
    source_id: str
    name: str
    state: UploadState


class UploadView(BaseModel):
    """How far ingest is with a recording."""

    session_id: str
    state: UploadState
    frames: int
    duration_seconds: float
    error: str | None


def view_source(source: Source, status: Status, publish_base: str) -> SourceView:
    """A source as the API shows it: no password, no key."""
    url = publish_base if source.kind is SourceKind.RTMP else source.url
    return SourceView(
        id=source.id,
        name=source.name,
        kind=source.kind,
        url=None if url is None else scrub(url),
        labels=source.labels,
        state=status.state,
        reason=status.reason,
        since=status.since,
        session_id=status.session_id,
        reconnects=status.reconnects,
    )


def view_upload(upload: Upload) -> UploadView:
    """An upload as the API shows it."""
    return UploadView(
        session_id=upload.session_id,
        state=upload.state,
        frames=upload.frames,
        duration_seconds=round(upload.duration_seconds, 3),
        error=upload.error,
    )
