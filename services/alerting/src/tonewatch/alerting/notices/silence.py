"""Silences: for a while, alerts that match are recorded, and nobody is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tonewatch.alerting.rules import Matcher, all_match
from tonewatch.shared.messages import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Matchers and a span of time, its end excluded."""

    silence_id: str
    matchers: Sequence[Matcher]
    starts_ms: int
    ends_ms: int

    def covers(self, alert: Alert, now: int) -> bool:
        """Whether nobody is to be told of the alert now: all matchers hold."""
        is_active = self.starts_ms <= now < self.ends_ms
        return is_active and all_match(self.matchers, matchable(alert))


def matchable(alert: Alert) -> Mapping[str, str]:
    """What matchers can name: the labels, and the alert's own facts, which win."""
    return {
        **alert.labels,
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "priority": alert.priority.value,
        "subject": alert.subject.value,
        "session_id": alert.session_id,
        "source_id": alert.source_id,
        "speaker": alert.speaker.value,
    }
