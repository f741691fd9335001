"""What is told in one message: alerts that belong together, the most urgent first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from tonewatch.alerting.notices.model import Entry, HoldReason, Notice, NoticeKind
from tonewatch.shared.messages import AlertSubject

Bundle = tuple[str, ...]
"""What alerts must have in common to be told in one message."""


def urgency(entry: Entry) -> tuple[int, int, str]:
    """Sorts the most urgent first, then the oldest."""
    return -entry.rank, entry.fired_ms, entry.alert_id


def muting_first(entry: Entry) -> tuple[bool, int, int, str]:
    """Those that mute others are decided about before them."""
    return entry.facts.subject is not AlertSubject.STREAM, *urgency(entry)


def is_flooded(entry: Entry) -> bool:
    """Whether a cap holds it."""
    return entry.hold is not None and entry.hold.reason is HoldReason.FLOOD


def waits_for_company(entry: Entry) -> bool:
    """Whether only the group's wait, or a cap, keeps it."""
    return entry.hold is None or is_flooded(entry)


def bundle_of(entry: Entry) -> Bundle:
    """Alerts that a cap held are told in one digest; others by their group."""
    kind = (entry.facts.action.value, entry.facts.subject.value)
    if entry.hold is not None and is_flooded(entry):
        return ("cap", entry.hold.by, *kind)
    return ("group", entry.group, *kind)


def merge(notices: Iterable[Notice]) -> list[Notice]:
    """Notices of one group that say the same become one message."""
    merged: dict[tuple[Any, ...], list[Notice]] = defaultdict(list)
    for notice in notices:
        lead = notice.entries[0]
        key: tuple[Any, ...] = (
            notice.event_type,
            notice.kind,
            lead.group,
            notice.channels,
            notice.number,
        )
        if notice.kind is NoticeKind.FIRING:
            key = (*key, lead.alert_id)  # bundled already
        merged[key].append(notice)
    return [_join(same) for same in merged.values()]


def _join(notices: Sequence[Notice]) -> Notice:
    entries = sorted((entry for notice in notices for entry in notice.entries), key=urgency)
    return replace(notices[0], entries=tuple(entries))
