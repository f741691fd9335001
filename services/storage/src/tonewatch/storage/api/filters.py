"""What each list may be asked for: parameters and their limits."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import (
    AlertAction,
    AlertState,
    AlertSubject,
    Granularity,
    Priority,
    SessionState,
    Speaker,
)
from tonewatch.storage.api.parameters import Label, Moment, Share, Text, Zone, in_utc

Order = Literal["asc", "desc"]
HeardEmotion = Emotion | Literal["no_speech"]
Verdict = Literal["right", "false_alarm", "needs_coaching"]


class Filter(BaseModel):
    """What all lists can be narrowed by. An unknown parameter is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    begin: Moment | None = Field(
        default=None, alias="from", description="Not before this (ISO 8601; in `tz` if no offset)"
    )
    end: Moment | None = Field(default=None, alias="to", description="Before this")
    tz: Zone = Field(default="UTC", description="IANA time zone of `from`, `to` and of days")
    source_id: Text | None = None
    agent_id: Text | None = Field(default=None, description="Label agent_id")
    queue: Text | None = Field(default=None, description="Label queue")
    label: list[Label] = Field(
        default_factory=list, max_length=8, description="name:value; repeat for several"
    )

    @model_validator(mode="after")
    def _time_runs_forward(self) -> Self:
        self.begin = self.begin and in_utc(self.begin, self.tz)
        self.end = self.end and in_utc(self.end, self.tz)
        if self.begin and self.end and self.begin >= self.end:
            raise ValueError("`from` must be before `to`")
        return self


class PageFilter(Filter):
    """A list that is read page by page."""

    sort: str = "time"
    order: Order = Field(default="desc", description="desc: newest, or greatest, first")
    limit: int = Field(default=100, ge=1, le=1000, description="Items of a page")
    cursor: str | None = Field(
        default=None, max_length=4096, description="`next_cursor` of the page before"
    )


class HeardFilter(Filter):
    """What picks seconds, segments and utterances by who spoke and how."""

    session_id: Text | None = None
    speaker: Speaker | None = None
    emotion: list[HeardEmotion] = Field(
        default_factory=list, max_length=16, description="Repeat for several"
    )
    confidence_min: Share | None = Field(default=None, description="At least this confident")
    confidence_max: Share | None = Field(default=None, description="At most this confident")

    @model_validator(mode="after")
    def _confidence_is_a_range(self) -> Self:
        low, high = self.confidence_min, self.confidence_max
        if low is not None and high is not None and low > high:
            raise ValueError("`confidence_min` must not be above `confidence_max`")
        return self


class RecordChoice(HeardFilter):
    """Which records; also of an export."""

    alert_triggered: bool | None = None
    granularity: Granularity | None = None


class RecordFilter(RecordChoice, PageFilter):
    """Parameters of /v1/records."""

    sort: Literal["time"] = "time"


class SegmentChoice(HeardFilter):
    """Which segments; also of an export. Confidence is the highest of a segment's seconds."""

    seconds_min: int | None = Field(default=None, ge=1, le=86_400, description="At least so long")


class SegmentListFilter(SegmentChoice, PageFilter):
    """Parameters of /v1/segments."""

    sort: Literal["time", "peak"] = Field(default="time", description="peak: by confidence")


class UtteranceFilter(HeardFilter, PageFilter):
    """Parameters of /v1/utterances."""

    sort: Literal["time", "confidence"] = "time"


class SessionFilter(PageFilter):
    """Parameters of /v1/sessions."""

    sort: Literal["time", "name"] = "time"
    limit: int = Field(default=50, ge=1, le=200, description="Items of a page")
    state: SessionState | None = None
    kind: Text | None = None
    alerted: bool | None = Field(default=None, description="With, or without, an alert")
    rule: Text | None = Field(default=None, description="With an alert of this rule")


class AlertChoice(Filter):
    """Which alerts; also of an export."""

    session_id: Text | None = None
    speaker: Speaker | None = None
    rule: Text | None = None
    state: AlertState | None = None
    priority: Priority | None = None
    action: AlertAction | None = None
    subject: AlertSubject | None = None
    emotion: list[Emotion] = Field(
        default_factory=list, max_length=16, description="The rule speaks of one of these"
    )
    value_min: float | None = Field(default=None, allow_inf_nan=False)
    value_max: float | None = Field(default=None, allow_inf_nan=False)
    verdict: Verdict | Literal["none"] | None = Field(
        default=None, description="none: nobody has judged it yet"
    )


class AlertFilter(AlertChoice, PageFilter):
    """Parameters of /v1/alerts."""

    sort: Literal["time", "value"] = "time"
