"""What a query may ask for: parameters, their limits, and the conditions they become."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import AlertState, Granularity, Priority, SessionState, Speaker
from tonewatch.storage.models import Alert, EmotionRecord, Session

Condition = ColumnElement[bool]
Order = Literal["asc", "desc"]


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _label(text: str) -> str:
    name, colon, _ = text.partition(":")
    if not colon or not name:
        raise ValueError("a label is written name:value, such as customer_tier:vip")
    if '"' in name or "\\" in name:
        raise ValueError("a label's name holds no quotation mark or backslash")
    return text


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Text = Annotated[str, Field(max_length=256)]
Label = Annotated[str, AfterValidator(_label), Field(max_length=400)]


class Filter(BaseModel):
    """What all lists can be narrowed by. An unknown parameter is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    begin: Moment | None = Field(
        default=None, alias="from", description="Not before this (ISO 8601; UTC if no zone)"
    )
    end: Moment | None = Field(default=None, alias="to", description="Before this")
    source_id: Text | None = None
    agent_id: Text | None = Field(default=None, description="Label agent_id")
    queue: Text | None = Field(default=None, description="Label queue")
    label: list[Label] = Field(
        default_factory=list, max_length=8, description="name:value; repeat for several"
    )

    @model_validator(mode="after")
    def _time_runs_forward(self) -> Self:
        if self.begin and self.end and self.begin >= self.end:
            raise ValueError("`from` must be before `to`")
        return self


class PageFilter(Filter):
    """A list that is read page by page."""

    order: Order = Field(default="desc", description="By time; desc is newest first")
    limit: int = Field(default=100, ge=1, le=1000, description="Items of a page")
    cursor: str | None = Field(
        default=None, max_length=512, description="`next_cursor` of the page before"
    )


class _RecordChoice(BaseModel):
    """What picks records beside time, source and labels."""

    session_id: Text | None = None
    speaker: Speaker | None = None
    emotion: list[Emotion | Literal["no_speech"]] = Field(
        default_factory=list, description="Repeat for several"
    )
    alert_triggered: bool | None = None


class RecordFilter(PageFilter, _RecordChoice):
    """Parameters of /v1/records."""

    granularity: Granularity | None = None


class StatsFilter(Filter, _RecordChoice):
    """Parameters of /v1/stats/emotions."""

    granularity: Granularity = Granularity.FRAME


class SessionFilter(PageFilter):
    """Parameters of /v1/sessions."""

    limit: int = Field(default=50, ge=1, le=200, description="Items of a page")
    state: SessionState | None = None
    kind: Text | None = None


class AlertFilter(PageFilter):
    """Parameters of /v1/alerts."""

    rule: Text | None = None
    state: AlertState | None = None
    priority: Priority | None = None
    session_id: Text | None = None


def record_conditions(asked: RecordFilter | StatsFilter) -> list[Condition]:
    """Conditions on `emotion_records`."""
    model = EmotionRecord
    found = [
        *_common(asked, model, model.timestamp),
        *_equal(asked, model, "session_id", "speaker", "granularity", "alert_triggered"),
    ]
    if asked.emotion:
        found.append(model.emotion.in_([str(emotion) for emotion in asked.emotion]))
    return found


def session_conditions(asked: SessionFilter) -> list[Condition]:
    """Conditions on `sessions`."""
    return [*_common(asked, Session, Session.started_at), *_equal(asked, Session, "state", "kind")]


def alert_conditions(asked: AlertFilter) -> list[Condition]:
    """Conditions on `alerts`."""
    return [
        *_common(asked, Alert, Alert.started_at),
        *_equal(asked, Alert, "rule", "state", "priority", "session_id"),
    ]


def _common(asked: Filter, model: Any, moment: Any) -> list[Condition]:
    found = _equal(asked, model, "source_id", "agent_id", "queue")
    if asked.begin is not None:
        found.append(moment >= asked.begin)
    if asked.end is not None:
        found.append(moment < asked.end)
    for text in asked.label:
        name, _, value = text.partition(":")
        found.append(model.labels[name].as_string() == value)
    return found


def _equal(asked: BaseModel, model: Any, *names: str) -> list[Condition]:
    wanted = {name: getattr(asked, name) for name in names}
    return [getattr(model, name) == value for name, value in wanted.items() if value is not None]
