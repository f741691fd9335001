"""The JSON forms of the answers."""

from datetime import datetime
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tonewatch.shared.clock import iso_utc
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.storage.models import POSTERIOR, EmotionRecord, Segment, Utterance

Time = Annotated[datetime, PlainSerializer(iso_utc, return_type=str)]
Probabilities = dict[str, float]
ItemT = TypeVar("ItemT")
PRIVATE: Final = {"Cache-Control": "private, no-store"}
"""Headers of answers that nobody on the way may keep: voices, and what is like them."""
_ABSENT: Final = object()


class View(BaseModel):
    """Base of the answers; built from rows by attribute."""

    model_config = ConfigDict(from_attributes=True)


class Page(View, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: str | None = Field(default=None, description="Null on the last page")


class RecordView(View):
    """One stored second (or utterance)."""

    id: int
    timestamp: Time = Field(description="Wall time of the first sample")
    audio_id: str = Field(description="The same as session_id")
    session_id: str
    source_id: str
    speaker: str
    seq: int
    emotion: str
    confidence: float
    granularity: str
    probabilities: Probabilities | None = Field(description="Null for no_speech")
    embedding_path: str | None
    alert_triggered: bool
    labels: dict[str, str]
    start_ms: int
    end_ms: int
    speech: float
    level_dbfs: float
    window_seconds: float
    engine: str
    model: str
    revision: str
    published_at: Time
    scored_at: Time
    stored_at: Time


class UtteranceView(View):
    """A stretch of speech between pauses."""

    session_id: str
    source_id: str
    speaker: str
    number: int = Field(description="Counts the utterances of the track")
    agent_id: str | None
    queue: str | None
    started_at: Time
    start_ms: int
    end_ms: int
    emotion: str
    confidence: float
    probabilities: Probabilities | None
    embedding_path: str | None


class RunView(View):
    """A run of consecutive seconds of one track with one emotion."""

    session_id: str
    source_id: str
    speaker: str
    emotion: str
    agent_id: str | None
    queue: str | None
    started_at: Time
    first_seq: int
    last_seq: int
    start_ms: int
    end_ms: int
    seconds: int
    confidence: float = Field(description="Mean of its seconds")
    peak: float = Field(description="The highest confidence of a second in it")


class TimelineItem(View):
    """One second of a session (or, with `points`, several that lie side by side)."""

    seq: int = Field(description="The first of its seconds")
    seconds: int = Field(default=1, description="Stored seconds that it stands for")
    start_ms: int
    end_ms: int
    speaker: str
    emotion: str
    confidence: float
    probabilities: Probabilities | None
    speech: float
    level_dbfs: float
    alert_triggered: bool
    steps: list[list[float]] | None = Field(
        default=None, description="Rows of nine, with steps=true"
    )


class GapView(View):
    """Seconds without a score, and why."""

    speaker: str
    first_seq: int
    last_seq: int
    reason: str
    detail: str
    at: Time


class TransitionView(View):
    """One change of an alert's state."""

    state: str
    at: Time
    decided_at: Time
    value: float
    first_seq: int
    last_seq: int
    message: str


class AlertView(View):
    """One alert, as far as its transitions have arrived."""

    alert_id: str
    state: str
    rule: str
    priority: str
    session_id: str
    source_id: str
    speaker: str
    labels: dict[str, str]
    channels: list[str]
    emotions: list[str]
    value: float
    threshold: float
    first_seq: int
    last_seq: int
    started_at: Time
    fired_at: Time | None
    resolved_at: Time | None
    decided_at: Time
    message: str
    action: str
    subject: str
    verdict: str | None
    verdict_by: str | None
    verdict_at: Time | None
    verdict_comment: str | None


class ClipView(View):
    """The audio kept around an alert, or why there is none."""

    state: str = Field(description="kept, or missed: no audio was left")
    first_seq: int
    last_seq: int
    started_at: Time | None
    seconds: float
    encrypted: bool = Field(description="At rest; what is sent is FLAC")
    size_bytes: int
    detail: str
    created_at: Time


class AlertDetail(AlertView):
    """One alert with its history."""

    transitions: list[TransitionView]
    clip: ClipView | None = Field(description="Null if none was asked for, or it was removed")


class SessionView(View):
    """One session and what was heard in it."""

    session_id: str
    source_id: str
    name: str
    kind: str
    lane: str
    speakers: list[str]
    labels: dict[str, str]
    state: str
    reason: str
    started_at: Time
    ended_at: Time | None
    frames: int | None = Field(description="Of each track; null while the session goes on")
    scored: int = Field(description="Seconds stored, of all tracks")
    gaps: int = Field(description="Seconds that have no score but lie in a recorded gap")
    complete: bool = Field(description="Ended, and every second is scored or in a gap")
    speech_seconds: int = Field(description="Seconds in which somebody spoke")
    alerts: int
    emotion: str | None = Field(description="Strongest on average; no_speech if nobody spoke")
    confidence: float = Field(description="Its mean probability")
    probabilities: Probabilities | None = Field(description="Means over the seconds with speech")
    duration_seconds: float


class Timeline(View):
    """The seconds of a session, its gaps and its alerts."""

    session_id: str
    items: list[TimelineItem]
    gaps: list[GapView]
    alerts: list[AlertView]
    bucket_seconds: int = Field(
        default=1, description="With `points`: seconds of the session that an item stands for"
    )
    next_cursor: str | None = Field(description="For the seconds after these; null at the end")


class SegmentView(View):
    """A stretch of one emotion, finer than a second."""

    speaker: str
    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float = Field(description="Mean probability of the emotion over the stretch")


class Segments(View):
    """The stretches of a session, track by track."""

    session_id: str
    items: list[SegmentView]
    next_seq: int | None = Field(
        description="Pass as `from_seq` for what comes after; null at the end"
    )


def as_json(view: View) -> Response:
    """The answer, written by pydantic alone: FastAPI would look at every value of it twice more."""
    return Response(view.model_dump_json(), media_type="application/json")


def run_view(row: Segment) -> RunView:
    """A segment with what follows from its columns."""
    seconds = row.last_seq - row.first_seq + 1
    return view_of(RunView, row, seconds=seconds, confidence=row.confidence_sum / seconds)


def probabilities(record: EmotionRecord | Utterance) -> Probabilities | None:
    """The nine probabilities by label; None when nobody spoke."""
    if record.p_angry is None:
        return None
    return {
        str(label): getattr(record, column)
        for label, column in zip(EMOTIONS, POSTERIOR, strict=True)
    }


def view_of(view: type[ItemT], row: object, **more: object) -> ItemT:
    """The row in the form of the view; `more` adds what is no column."""
    assert issubclass(view, BaseModel)  # noqa: S101 - for the type checker
    found = {
        name: value
        for name in view.model_fields
        if name not in more and (value := getattr(row, name, _ABSENT)) is not _ABSENT
    }
    return view(**found, **more)
