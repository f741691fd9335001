"""One step of decisions over the alerts in hand; pure, at whatever time it is given.

The caller brings the alerts that are due together with those that decide about them (of the same
call, source, group, cooldown or cap), lets the book take in new transitions and step, and then
saves what has changed, the events and the notices in one transaction.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tonewatch.alerting.notices import policy
from tonewatch.alerting.notices.bundles import (
    Bundle,
    bundle_of,
    is_flooded,
    merge,
    muting_first,
    urgency,
    waits_for_company,
)
from tonewatch.alerting.notices.model import (
    Entry,
    Event,
    EventKind,
    Hold,
    HoldReason,
    Notice,
    NoticeKind,
    is_firing_message,
)
from tonewatch.alerting.notices.silence import Silence
from tonewatch.alerting.settings import NoticeOptions
from tonewatch.shared.messages import Alert, AlertSubject


@dataclass(slots=True)
class Book:
    """The alerts in hand, and what is decided about them."""

    options: NoticeOptions
    entries: dict[str, Entry] = field(default_factory=dict)
    scope: set[str] = field(default_factory=set)
    """Alerts that may be decided about: all that decides about them is among the entries."""
    silences: Sequence[Silence] = ()
    reaches: Callable[[Alert], bool] = lambda _: True
    """Whether a firing alert has a receiver."""
    marks: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Times of notices by cap key."""
    new_marks: list[tuple[str, int]] = field(default_factory=list)
    changed: dict[str, Entry] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _by_session: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _streams: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    _by_cooldown: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for entry in self.entries.values():
            self._index(entry)

    def take_in(self, alert: Alert, now: int) -> None:
        """Enter a transition; one that is there already changes nothing."""
        entry = self.entries.get(alert.alert_id)
        is_firing = is_firing_message(alert)
        if entry is None:
            entry = Entry(
                facts=alert,
                firing_seen=is_firing,
                group=policy.group_of(alert, self.options),
                cooldown_key=policy.cooldown_key_of(alert, self.options),
            )
            self.entries[alert.alert_id] = entry
            self.scope.add(alert.alert_id)
            self._index(entry)
        elif entry.firing_seen if is_firing else entry.resolved is not None:
            return
        if is_firing:
            # its end may have come first, through another replica
            entry.facts, entry.firing_seen, entry.look_ms = alert, True, now
        else:
            entry.resolved = alert
            self._wake_those_muted_by(entry, now)
            if entry.told_ms is not None or entry.is_untold:
                entry.look_ms = now
        kind = EventKind.FIRED if is_firing else EventKind.RESOLVED
        self._note(entry, now, kind)

    def step(self, now: int) -> list[Notice]:
        """Decide about everything that is due, and say what is to be told, most urgent first."""
        due = sorted((entry for entry in self._in_scope() if _is_due(entry, now)), key=muting_first)
        ready = [entry for entry in due if entry.is_untold and self._may_be_told(entry, now)]
        ready += self._mates(ready, now)
        notices = self._tell(ready, now)
        told = [entry for entry in (*due, *ready) if entry.told_ms is not None]
        notices += self._tell_resolved(dict.fromkeys(map(_id, told)), now)
        for entry in due:
            if entry.told_ms is not None and _is_due(entry, now):
                notices += self._remind(entry, now)
        return merge(notices)

    def _in_scope(self) -> Iterator[Entry]:
        return (self.entries[alert_id] for alert_id in sorted(self.scope))

    def _may_be_told(self, entry: Entry, now: int) -> bool:
        """Whether nothing keeps an untold alert back; if something does, it is recorded."""
        over = policy.settled(entry, now)
        if over is not None:
            self._hold(entry, over, None, now)
            return False
        held = self._muted(entry, now) or policy.cooling(
            entry, self._by_cooldown[entry.cooldown_key], now
        )
        if held is not None:
            # what ends while it is held is history when the hold ends
            self._hold(entry, held[0], None if entry.resolved else held[1], now)
            return False
        wait = policy.wait_until(entry, self.options)
        if entry.hold is None and now < wait:
            self._look(entry, wait)
            return False
        if not self.reaches(entry.facts):
            self._hold(entry, Hold(HoldReason.NO_RECEIVER), None, now)
            return False
        return True

    def _muted(self, entry: Entry, now: int) -> policy.Held | None:
        neighbours = (
            *self._by_session[entry.facts.session_id],
            *self._streams[entry.facts.source_id],
        )
        return policy.silenced(entry, self.silences, now) or policy.inhibited(
            entry, neighbours, self.options, now
        )

    def _mates(self, ready: Sequence[Entry], now: int) -> list[Entry]:
        """Alerts that wait for others to be told with, and now have them."""
        bundles = {bundle_of(entry) for entry in ready}
        chosen = set(map(_id, ready))
        return [
            entry
            for entry in self._in_scope()
            if entry.is_untold
            and entry.alert_id not in chosen
            and bundle_of(entry) in bundles
            and waits_for_company(entry)
            and not self._is_kept_back(entry, now)
        ]

    def _is_kept_back(self, entry: Entry, now: int) -> bool:
        return bool(
            policy.settled(entry, now)
            or self._muted(entry, now)
            or policy.cooling(entry, self._by_cooldown[entry.cooldown_key], now)
            or not self.reaches(entry.facts)
        )

    def _tell(self, ready: Iterable[Entry], now: int) -> list[Notice]:
        bundles: dict[Bundle, list[Entry]] = defaultdict(list)
        for entry in sorted(ready, key=urgency):
            bundles[bundle_of(entry)].append(entry)
        notices = []
        for entries in bundles.values():
            admitted = self._admit(entries, now)
            if admitted:
                held_back = sum(is_flooded(entry) for entry in admitted)
                notices.append(
                    Notice(kind=NoticeKind.FIRING, entries=tuple(admitted), held_back=held_back)
                )
                self._mark(admitted, now)
                for entry in admitted:
                    self._told(entry, now)
        return notices

    def _admit(self, entries: Iterable[Entry], now: int) -> list[Entry]:
        """The alerts that no cap holds back."""
        admitted = []
        for entry in entries:
            held = policy.flooding(entry, self.marks, self.options, now)
            if held is None:
                admitted.append(entry)
            else:
                self._hold(entry, held[0], held[1], now)
        return admitted

    def _told(self, entry: Entry, now: int) -> None:
        entry.hold = None
        entry.told_ms = entry.last_told_ms = now
        self._look(entry, policy.next_look(entry, self.options))
        self._note(entry, now, EventKind.TOLD)

    def _tell_resolved(self, alert_ids: Iterable[str], now: int) -> list[Notice]:
        notices = []
        for alert_id in alert_ids:
            entry = self.entries[alert_id]
            if entry.resolved is None or entry.resolved_told:
                continue
            entry.resolved_told = True
            self._look(entry, policy.next_look(entry, self.options))
            if not entry.is_review:
                notices.append(Notice(kind=NoticeKind.RESOLVED, entries=(entry,)))
                self._note(entry, now, EventKind.RESOLVED_TOLD)
        return notices

    def _remind(self, entry: Entry, now: int) -> list[Notice]:
        """Repeats and escalations of an alert that was told before."""
        muted = self._muted(entry, now)
        if muted is not None and policy.next_look(entry, self.options) is not None:
            self._look(entry, muted[1])
            return []
        notices = [*self._escalate(entry, now), *self._repeat(entry, now)]
        if _is_due(entry, now):
            self._look(entry, policy.next_look(entry, self.options))
        return notices

    def _escalate(self, entry: Entry, now: int) -> Iterable[Notice]:
        while (due := policy.due_escalation(entry, self.options)) and due[0] <= now:
            entry.escalations += 1
            self._look(entry, policy.next_look(entry, self.options))
            channels = due[1].channels
            detail = {"step": entry.escalations, "channels": list(channels)}
            self._note(entry, now, EventKind.ESCALATED, **detail)
            yield Notice(
                kind=NoticeKind.ESCALATED,
                entries=(entry,),
                number=entry.escalations,
                channels=channels,
            )

    def _repeat(self, entry: Entry, now: int) -> Iterable[Notice]:
        due = policy.due_repeat(entry)
        if due is None or due > now:
            return
        full = policy.flooding(entry, self.marks, self.options, now)
        if full is not None:
            self._look(entry, full[1])
            return
        entry.repeats += 1
        entry.last_told_ms = now
        self._mark([entry], now)
        self._look(entry, policy.next_look(entry, self.options))
        self._note(entry, now, EventKind.REPEATED, number=entry.repeats)
        yield Notice(kind=NoticeKind.REPEAT, entries=(entry,))

    def _hold(self, entry: Entry, hold: Hold, look_ms: int | None, now: int) -> None:
        if entry.hold != hold:
            entry.hold = hold
            self._note(entry, now, EventKind.HELD, reason=hold.reason.value, held_by=hold.by)
        self._look(entry, look_ms)

    def _mark(self, entries: Iterable[Entry], now: int) -> None:
        keys = {key for entry in entries for key, _, _ in policy.caps_of(entry.facts, self.options)}
        for key in sorted(keys):
            self.marks[key].append(now)
            self.new_marks.append((key, now))

    def _wake_those_muted_by(self, ended: Entry, now: int) -> None:
        if not policy.may_mute(ended.facts):
            return
        for entry in self.entries.values():
            if entry.hold == Hold(HoldReason.INHIBITED, ended.alert_id) and entry.is_untold:
                self._look(entry, now)

    def _look(self, entry: Entry, look_ms: int | None) -> None:
        entry.look_ms = look_ms
        self.changed[entry.alert_id] = entry

    def _note(self, entry: Entry, now: int, kind: EventKind, **detail: Any) -> None:
        self.changed[entry.alert_id] = entry
        self.events.append(Event(entry.alert_id, now, kind, detail=detail))

    def _index(self, entry: Entry) -> None:
        self._by_session[entry.facts.session_id].append(entry)
        if entry.facts.subject is AlertSubject.STREAM:
            self._streams[entry.facts.source_id].append(entry)
        self._by_cooldown[entry.cooldown_key].append(entry)


def _id(entry: Entry) -> str:
    return entry.alert_id


def _is_due(entry: Entry, now: int) -> bool:
    return entry.look_ms is not None and entry.look_ms <= now
