"""The rule language as pydantic models; unknown keys are errors."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from tonewatch.alerting.rules._conditions import (
    Change,
    Combination,
    NoData,
    Probability,
    Resolve,
    Sequence,
    Share,
)
from tonewatch.alerting.rules._consistency import check_consistency
from tonewatch.alerting.rules._fields import (
    ChannelNames,
    Emotions,
    Number,
    RuleModel,
    Seconds,
    Text,
    mistake,
)
from tonewatch.alerting.rules._matchers import check_matcher
from tonewatch.alerting.rules._messages import Message
from tonewatch.alerting.rules._times import ActiveTime
from tonewatch.shared.messages import AlertAction, Granularity, Priority, Speaker

MAX_RULES = 1000
MAX_MATCHERS = 32
MAX_ESCALATIONS = 8


class Channel(StrEnum):
    """The channels that are always known; others are declared in the settings."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class EscalationStep(RuleModel):
    """Who else is told of an alert that nobody has acknowledged for so long."""

    after_sec: Seconds
    channels: ChannelNames


class Rule(RuleModel):
    """One rule: on whom, what must hold for how long, when that is over, and who is told."""

    name: Annotated[Text, Field(max_length=256)]
    enabled: Annotated[bool, Field(strict=True)] = True

    match: tuple[Annotated[Text, AfterValidator(check_matcher)], ...] = Field(
        default=(), max_length=MAX_MATCHERS, description="Labels: =, !=, =~, !~; all must match"
    )
    speaker: Speaker | None = Field(default=None, description="Only this voice; all if absent")
    granularity: Granularity = Field(
        default=Granularity.FRAME, description="What is judged: seconds, or whole utterances"
    )
    active_time: ActiveTime | None = Field(
        default=None, description="Outside it no condition begins"
    )

    emotion: Emotions | None = None
    threshold: Probability | None = Field(default=None, description="Strictly greater")
    combination: Combination | None = None
    sequence: Sequence | None = None
    change: Change | None = None
    no_data: NoData | None = None

    duration_sec: Annotated[Number, Field(gt=0, le=3600)] = Field(
        default=1.0, description="Of speech, in a row"
    )
    gap_tolerance_sec: Annotated[Number, Field(ge=0, le=60)] | None = Field(
        default=None, description="Longest pause that a row bridges"
    )
    share: Share | None = Field(default=None, description="In place of duration_sec")
    resolve: Resolve = Resolve()

    priority: Priority = Priority.MEDIUM
    action: AlertAction = AlertAction.ALERT
    channels: ChannelNames = (Channel.WEBHOOK,)
    message: Message | None = None
    cooldown_sec: Annotated[Number, Field(ge=0, le=7 * 86_400)] = Field(
        default=0.0, description="From the first successful send"
    )
    repeat_interval_sec: Annotated[Number, Field(ge=10, le=7 * 86_400)] | None = Field(
        default=None, description="Told again while it fires and nobody has acknowledged it"
    )
    expires_after_sec: Annotated[Number, Field(gt=0, le=7 * 86_400)] | None = Field(
        default=None, description="Not sent any more when older"
    )
    escalate: tuple[EscalationStep, ...] = Field(default=(), max_length=MAX_ESCALATIONS)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for field, message in check_consistency(self):
            raise mistake(message, field)
        return self


class RulesFile(RuleModel):
    """The whole of rules.yaml."""

    rules: tuple[Rule, ...] = Field(max_length=MAX_RULES)


def shown_rule(rule: Rule) -> dict[str, Any]:
    """A rule as a file would hold it: what says nothing is left out."""
    return rule.model_dump(mode="json", exclude_none=True, by_alias=True)
