"""The rule language as pydantic models; unknown keys are errors."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import Priority, Speaker

MAX_RULES = 1000

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number that is written as one: "0.6" in quotes is a mistake."""

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Channel(StrEnum):
    """How people are told."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class Combination(BaseModel):
    """Several emotions whose probabilities are added."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emotions: tuple[Emotion, ...] = Field(min_length=1, max_length=len(Emotion))
    min_sum: Number = Field(gt=0, le=1, description="Holds when the sum is at least this")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _refuse_repeats("emotions", self.emotions)
        return self


class Rule(BaseModel):
    """One rule: a condition on a second of one track, how long it must hold, and who is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Text, Field(max_length=256)]
    emotion: Emotion | None = None
    threshold: Number | None = Field(default=None, ge=0, lt=1, description="Strictly greater")
    combination: Combination | None = None
    duration_sec: Number = Field(default=1.0, gt=0, le=3600, description="Of speech, in seconds")
    speaker: Speaker | None = Field(default=None, description="Only this voice; all if absent")
    priority: Priority = Priority.MEDIUM
    channels: tuple[Channel, ...] = Field(default=(Channel.WEBHOOK,), min_length=1)
    message: Annotated[Text, Field(max_length=1000)] | None = None
    enabled: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="after")
    def _has_one_condition(self) -> Self:
        _refuse_repeats("channels", self.channels)
        if (self.emotion is None) == (self.combination is None):
            raise _mistake("emotion", "a rule has either `emotion` or `combination`")
        if self.emotion is not None and self.threshold is None:
            raise _mistake("threshold", "a rule with `emotion` needs a `threshold`")
        if self.combination is not None and self.threshold is not None:
            raise _mistake("threshold", "a combination is compared with its own `min_sum`")
        return self


class RulesFile(BaseModel):
    """The whole of rules.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(max_length=MAX_RULES)


def _refuse_repeats(field: str, values: tuple[StrEnum, ...]) -> None:
    if len(set(values)) < len(values):
        raise _mistake(field, "each may be named once")


def _mistake(field: str, message: str) -> PydanticCustomError:
    """An error about one field of a model, found when the fields are seen together."""
    return PydanticCustomError("mistake", "{message}", {"field": field, "message": message})
