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
        if self.rules and alert.rule not in self.rules:
            return False
        if self.min_priority is not None and _RANK[alert.priority] < _RANK[self.min_priority]:
            return False
        return all(alert.labels.get(name) == value for name, value in self.labels.items())
