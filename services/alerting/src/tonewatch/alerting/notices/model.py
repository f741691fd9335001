"""What the notices stage remembers of an alert, and what it decides; plain data, without I/O.

Times are milliseconds since 1970, as in the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tonewatch.alerting.delivery.payload import EventType, event_type_of
from tonewatch.shared.clock import ms_of
from tonewatch.shared.messages import Alert, AlertAction, AlertState, Priority

_RANKS: Final = {priority: rank for rank, priority in enumerate(Priority)}


class HoldReason(StrEnum):
    """Why nobody has been told of a firing alert."""

    SILENCED = "silenced"
    INHIBITED = "inhibited"
    COOLDOWN = "cooldown"
    FLOOD = "flood"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"
    NO_RECEIVER = "no_receiver"


class NoticeKind(StrEnum):
    """What a notice says of its alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    ESCALATED = "escalated"


class EventKind(StrEnum):
    """What can happen to an alert; its history is a list of these."""

    FIRED = "fired"
    RESOLVED = "resolved"
    HELD = "held"
    TOLD = "told"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RESOLVED_TOLD = "resolved_told"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    CLOSED = "closed"


class AlertVerdict(StrEnum):
    """What people found when they looked at the call."""

    RIGHT = "right"
    FALSE_ALARM = "false_alarm"
    NEEDS_COACHING = "needs_coaching"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an alert is held back: the reason, and the silence, alert or cap that does it."""

    reason: HoldReason
    by: str = ""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One alert in the ledger.

    `look_ms` is when it is to be looked at again; None if nothing is left to be decided. It is the
    one timer of an alert: the earliest of group wait, hold, repeat and escalation.
    """

    facts: Alert
    firing_seen: bool
    group: str
    cooldown_key: str
    resolved: Alert | None = None
    look_ms: int | None = None
    hold: Hold | None = None
    told_ms: int | None = None
    last_told_ms: int | None = None
    sent_ms: int | None = None
    """First successful send of a notice that it fires; the deliveries know it."""
    repeats: int = 0
    escalations: int = 0
    resolved_told: bool = False
    acknowledged: bool = False
    closed: bool = False

    @property
    def alert_id(self) -> str:
        """The alert's id."""
        return self.facts.alert_id

    @property
    def fired_ms(self) -> int:
        """When the engine decided that it fires."""
        return ms_of(self.facts.decided_at)

    @property
    def resolved_ms(self) -> int | None:
        """When the engine decided that it is over."""
        return None if self.resolved is None else ms_of(self.resolved.decided_at)

    @property
    def rank(self) -> int:
        """How urgent it is: more is more urgent."""
        return rank_of(self.facts.priority)

    @property
    def is_firing(self) -> bool:
        """Whether it has begun and not ended."""
        return self.firing_seen and self.resolved is None

    @property
    def is_untold(self) -> bool:
        """Whether somebody may still have to be told that it fires."""
        return self.firing_seen and self.told_ms is None and self.look_ms is not None

    @property
    def is_handled(self) -> bool:
        """Whether a person has taken it up, so that nobody need be told again."""
        return self.acknowledged or self.closed

    @property
    def is_review(self) -> bool:
        """Whether it asks for a look later, not for action now."""
        return self.facts.action is AlertAction.REVIEW

    @property
    def latest(self) -> Alert:
        """The newest transition."""
        return self.resolved or self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to be told: alerts that belong together, the most urgent first.

    `number` counts repeats and escalations; `channels`, if given, take the place of each alert's
    own; `held_back` is how many of the alerts a flood cap had held until now.
    """

    kind: NoticeKind
    entries: tuple[Entry, ...]
    number: int = 0
    channels: tuple[str, ...] | None = None
    held_back: int = 0

    @property
    def event_type(self) -> EventType:
        """Its type for receivers."""
        if self.kind is NoticeKind.ESCALATED:
            return EventType.ALERT_ESCALATED
        return event_type_of(self.shown(self.entries[0]))

    def shown(self, entry: Entry) -> Alert:
        """That an alert fires is told as it was then; whatever comes later, as it is now."""
        is_first = self.kind in {NoticeKind.FIRING, NoticeKind.REPEAT}
        return entry.facts if is_first else entry.latest

    def name_for(self, lead: Entry) -> str:
        """What tells apart the notices of one alert: `firing`, `repeat-2`, `escalated-1` ..."""
        if self.kind is NoticeKind.REPEAT:
            return f"{self.kind}-{lead.repeats}"
        return f"{self.kind}-{self.number}" if self.number else self.kind.value


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an alert's history."""

    alert_id: str
    at_ms: int
    kind: EventKind
    by: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def rank_of(priority: Priority) -> int:
    """0 for low to 3 for critical."""
    return _RANKS[priority]


def is_firing_message(alert: Alert) -> bool:
    """Whether a transition says that an alert begins."""
    return alert.state is AlertState.FIRING
