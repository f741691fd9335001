"""Between entries and rows: the ledger's memory and its table."""

from typing import Any, Final

from tonewatch.alerting.notices.model import Entry, Hold, HoldReason
from tonewatch.alerting.notices.policy import agent_of
from tonewatch.alerting.notices.tables import AlertRow
from tonewatch.alerting.settings import NoticeOptions
from tonewatch.shared.messages import Alert

PEOPLES: Final = frozenset(
    {
        "acknowledged_by",
        "acknowledged_ms",
        "assigned_to",
        "verdict",
        "closed_by",
        "closed_ms",
        "version",
    }
)
"""Columns that only people change."""


def entry_of(row: AlertRow, sent_ms: int | None = None) -> Entry:
    """The entry that a row holds; when it was first sent is known elsewhere."""
    reason = row.hold_reason
    return Entry(
        facts=Alert.model_validate_json(row.facts),
        firing_seen=row.firing_seen,
        group=row.group_key,
        cooldown_key=row.cooldown_key,
        resolved=None if row.resolved is None else Alert.model_validate_json(row.resolved),
        look_ms=row.look_ms,
        hold=None if reason is None else Hold(HoldReason(reason), row.hold_by or ""),
        told_ms=row.told_ms,
        last_told_ms=row.last_told_ms,
        sent_ms=sent_ms,
        repeats=row.repeats,
        escalations=row.escalations,
        resolved_told=row.resolved_told,
        acknowledged=row.acknowledged_ms is not None,
        closed=row.closed_ms is not None,
    )


def values_of(entry: Entry, options: NoticeOptions) -> dict[str, Any]:
    """The values of an entry's row, but for what people did."""
    facts, resolved, hold = entry.facts, entry.resolved, entry.hold
    return {
        "alert_id": facts.alert_id,
        "rule": facts.rule,
        "priority": facts.priority.value,
        "action": facts.action.value,
        "subject": facts.subject.value,
        "session_id": facts.session_id,
        "source_id": facts.source_id,
        "agent": agent_of(facts, options),
        "group_key": entry.group,
        "cooldown_key": entry.cooldown_key,
        "facts": facts.model_dump_json(),
        "resolved": None if resolved is None else resolved.model_dump_json(),
        "firing_seen": entry.firing_seen,
        "fired_ms": entry.fired_ms,
        "resolved_ms": entry.resolved_ms,
        "look_ms": entry.look_ms,
        "hold_reason": None if hold is None else hold.reason.value,
        "hold_by": None if hold is None else hold.by,
        "told_ms": entry.told_ms,
        "last_told_ms": entry.last_told_ms,
        "repeats": entry.repeats,
        "escalations": entry.escalations,
        "resolved_told": entry.resolved_told,
    }
