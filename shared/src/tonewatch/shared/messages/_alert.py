"""An alert: one firing of a rule on one track, as it changes state."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tonewatch.shared.messages._base import TrackMessage


class Priority(StrEnum):
    """How urgent a rule's alerts are."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """Where an alert stands; `pending` is not published, it is the engine's own memory."""

    FIRING = "firing"
    RESOLVED = "resolved"


class AlertAction(StrEnum):
    """What an alert asks for: that somebody acts now, or looks at it later (quality inspection)."""

    ALERT = "alert"
    REVIEW = "review"


class AlertSubject(StrEnum):
    """What an alert is about: how a speaker feels, a stream, or the scoring of it."""

    EMOTION = "emotion"
    STREAM = "stream"
    INFERENCE = "inference"


class Escalation(BaseModel):
    """Who else is told of an alert that nobody has acknowledged for so long."""

    model_config = ConfigDict(frozen=True)

    after_seconds: float = Field(gt=0)
    channels: tuple[str, ...] = Field(min_length=1)


class NoticePolicy(BaseModel):
    """How often, and how long, receivers are told of a rule's alerts."""

    model_config = ConfigDict(frozen=True)

    cooldown_seconds: float = Field(
        default=0, ge=0, description="From the first successful send: less urgent ones are held"
    )
    repeat_seconds: float | None = Field(
        default=None, gt=0, description="Told again while it fires and nobody has acknowledged it"
    )
    expires_seconds: float | None = Field(
        default=None, gt=0, description="Not sent any more when it is older than this"
    )
    escalate: tuple[Escalation, ...] = ()


class Alert(TrackMessage):
    """One transition of an alert; firing and resolved of one alert share `alert_id`.

    `first_seq` to `last_seq` are the seconds that held the rule's condition, as far as they are
    known at this transition.
    """

    type: Literal["alert"] = "alert"
    alert_id: str = Field(max_length=64, description="Same for every transition and delivery")
    state: AlertState
    rule: str = Field(max_length=256, description="Name of the rule")
    priority: Priority
    channels: tuple[str, ...] = Field(description="Where it is to be sent")
    emotions: tuple[str, ...] = Field(description="The emotions the rule speaks of")
    value: float = Field(description="The probability (or sum) that was compared, at its peak")
    threshold: float
    first_seq: int = Field(ge=0)
    last_seq: int = Field(ge=0)
    started_at: AwareDatetime = Field(description="Audio time at which the condition began to hold")
    at: AwareDatetime = Field(description="Audio time of this transition")
    decided_at: AwareDatetime = Field(description="Wall time of the decision")
    message: str = Field(default="", max_length=2048, description="A sentence for a person")
    action: AlertAction = AlertAction.ALERT
    subject: AlertSubject = AlertSubject.EMOTION
    notice: NoticePolicy = NoticePolicy()
