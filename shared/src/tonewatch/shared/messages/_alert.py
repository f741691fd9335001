"""An alert: one firing of a rule on one track, as it changes state."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

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
