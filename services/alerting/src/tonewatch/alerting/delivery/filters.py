"""Which messages a subscription wants."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from tonewatch.alerting.delivery.payload import EventType
from tonewatch.shared.messages import Alert, Priority

_RANK: Final = {priority: rank for rank, priority in enumerate(Priority)}

_Name = Annotated[str, Field(min_length=1, max_length=256)]


class Filter(BaseModel):
    """What a subscription is narrowed to; whatever is left out does not narrow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[_Name, ...] = Field(
        default=(), max_length=100, description="Names of rules; any of them"
    )
    min_priority: Priority | None = Field(default=None, description="This urgent or more")
    labels: dict[_Name, _Name] = Field(
        default_factory=dict, max_length=16, description="Labels of the call; all must be equal"
    )
    event_types: tuple[EventType, ...] = Field(default=(), description="Types; any of them")

    def wants(self, event_type: EventType, alert: Alert | None = None) -> bool:
        """Whether a message passes; one without an alert is narrowed by its type only."""
        if self.event_types and event_type not in self.event_types:
            return False
        if alert is None:
            return True
        if not self.may_want(alert.rule, alert.priority):
            return False
        return all(alert.labels.get(name) == value for name, value in self.labels.items())

    def may_want(self, rule: str, priority: Priority) -> bool:
        """Whether an alert of a rule can pass, if its labels fit."""
        if self.rules and rule not in self.rules:
            return False
        return self.min_priority is None or _RANK[priority] >= _RANK[self.min_priority]
