"""What a rule can wait for, and when that is over."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from tonewatch.alerting.rules._fields import Emotions, Number, RuleModel, Seconds, mistake
from tonewatch.shared.emotions import Emotion

MAX_SHARE_SECONDS = 600
MAX_STAGES = 8

Probability = Annotated[Number, Field(ge=0, lt=1)]


class Combination(RuleModel):
    """Several emotions whose probabilities are added, each times its weight."""

    emotions: Emotions
    min_sum: Number = Field(gt=0, le=100, description="Holds when the sum is at least this")
    weights: dict[Emotion, Annotated[Number, Field(gt=0, le=100)]] = Field(
        default_factory=dict, description="By emotion; 1 for those not named"
    )

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        for emotion in self.weights:
            if emotion not in self.emotions:
                raise mistake("is not among the emotions that are added", f"weights.{emotion}")
        most = max(self.weights.get(emotion, 1.0) for emotion in self.emotions)
        if self.min_sum > most:
            raise mistake(
                f"can never hold: probabilities add up to 1, so the sum is at most {most:g}",
                "min_sum",
            )
        return self


class Stage(RuleModel):
    """One part of a sequence."""

    emotion: Emotions
    threshold: Probability = Field(description="Strictly greater")
    duration_sec: Seconds = Field(default=1.0, description="Of speech, in a row")


class Sequence(RuleModel):
    """Emotions that follow each other."""

    stages: tuple[Stage, ...] = Field(min_length=2, max_length=MAX_STAGES)
    within_sec: Seconds = Field(
        description="From the last moment of the first stage to the end of the last one"
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        needed = sum(stage.duration_sec for stage in self.stages[1:])
        if needed > self.within_sec:
            raise mistake(
                f"is too short: the stages after the first need {needed:g} s; "
                f"use at least {needed:g}, or shorter stages",
                "within_sec",
            )
        return self


class Change(RuleModel):
    """A rise against the same speaker's own first minutes."""

    emotion: Emotions
    rise: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Holds when the probability exceeds the speaker's mean by more than this"
    )
    baseline_sec: Annotated[Number, Field(ge=5, le=3600)] = Field(
        default=120.0, description="Speech that the mean is taken over; nothing holds before"
    )


class Share(RuleModel):
    """So many of the last seconds, in a row or not."""

    at_least_sec: Annotated[Number, Field(gt=0, le=MAX_SHARE_SECONDS)] = Field(
        description="How long the condition holds, added up"
    )
    of_last_sec: Annotated[int, Field(ge=1, le=MAX_SHARE_SECONDS, strict=True)] = Field(
        description="Among so many seconds of the call, the present one included"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least_sec > self.of_last_sec:
            raise mistake(
                f"is more than of_last_sec ({self.of_last_sec}); "
                f"use at most {self.of_last_sec}, or look at more seconds",
                "at_least_sec",
            )
        return self


class NoDataKind(StrEnum):
    """What there is none of."""

    SILENCE = "silence"
    STREAM_DOWN = "stream_down"
    INFERENCE_LAG = "inference_lag"


class NoData(RuleModel):
    """Nothing to judge: nobody speaks, the stream is down, or scores do not come."""

    kind: NoDataKind
    longer_than_sec: Seconds


class Resolve(RuleModel):
    """When a firing alert is over."""

    level: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="It stays while the value is above this (hysteresis)"
    )
    after_sec: Seconds | None = Field(
        default=None, description="It stays until it was calm for so long, in a row"
    )
