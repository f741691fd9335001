"""Whatever happens, in whatever order, with a restart before each step: what is promised holds."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.alerting.notices.desk import Desk
from tonewatch.alerting.notices import policy
from tonewatch.alerting.notices.model import Entry, HoldReason, Notice, NoticeKind
from tonewatch.alerting.settings import CapOptions, NoticeOptions
from tonewatch.shared.messages import Alert, AlertSubject, Escalation, Priority, Speaker

FEW = CapOptions(rule_per_minute=2, rule_per_hour=4, agent_per_minute=3, agent_per_hour=None)
BOSS = (Escalation(after_seconds=15, channels=("boss",)),)

alerts = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["call-1", "call-1", "call-2"]),
        "rule": st.sampled_from(["angry", "angry", "sad"]),
        "speaker": st.sampled_from([Speaker.AGENT, Speaker.AGENT, Speaker.CUSTOMER]),
        "priority": st.sampled_from(Priority),
        "subject": st.sampled_from([*[AlertSubject.EMOTION] * 8, AlertSubject.STREAM]),
        "labels": st.sampled_from([{}, {"agent_id": "7"}]),
        "notice_cooldown_seconds": st.sampled_from([0, 30]),
        "notice_repeat_seconds": st.sampled_from([None, 20]),
        "notice_expires_seconds": st.sampled_from([None, None, 90]),
        "notice_escalate": st.sampled_from([(), BOSS]),
    }
)


SAME = ("session_id", "rule", "speaker", "subject", "labels")
CAPPED = {NoticeKind.FIRING, NoticeKind.REPEAT}


@dataclass
class Said:
    """One notice, and how its alerts stood when it was decided."""

    at_ms: int
    notice: Notice
    handled: frozenset[str]


class NoticesMachine(RuleBasedStateMachine):
    """Firings, ends, people, senders, silences and the clock, against the desk."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.backlog: list[Alert] = []
        self.seen: list[Alert] = []
        self.said: list[Said] = []

    @initialize(
        group_by=st.sampled_from(["call", "agent", "none"]),
        cooldown_per=st.sampled_from(["track", "call"]),
        caps=st.sampled_from([FEW, CapOptions()]),
        inhibit_by_stream=st.booleans(),
        inhibit_by_critical=st.booleans(),
    )
    def begin(self, **options: Any) -> None:
        self.desk = Desk(NoticeOptions(**options))

    @rule(changes=alerts, late=st.booleans())
    def an_alert_fires(self, changes: dict[str, Any], late: bool) -> None:
        alert = self.desk.fire(f"a{len(self.seen) + len(self.backlog):03}", **changes)
        self._hand_out(alert, late)

    @rule(data=st.data(), priority=st.sampled_from(Priority))
    def the_same_fires_again(self, data: st.DataObject, priority: Priority) -> None:
        told = [entry.facts for entry in self._entries() if entry.told_ms is not None]
        if told:
            like = data.draw(st.sampled_from(told))
            values = {name: getattr(like, name) for name in (*SAME, "notice")}
            name = f"a{len(self.seen) + len(self.backlog):03}"
            self._hand_out(self.desk.fire(name, priority=priority, **values), late=False)

    @rule(data=st.data(), late=st.booleans())
    def an_alert_ends(self, data: st.DataObject, late: bool) -> None:
        published = (*self.seen, *self.backlog)
        ended = {alert.alert_id for alert in published if alert.state == "resolved"}
        firing = [alert for alert in published if alert.alert_id not in ended]
        if firing:
            self._hand_out(self.desk.over(data.draw(st.sampled_from(firing))), late)

    def _hand_out(self, alert: Alert, late: bool) -> None:
        if late:
            self.backlog.append(alert)
        else:
            self.seen.append(alert)
            self._record(self.desk.step(alert))

    @rule(data=st.data(), again=st.booleans())
    def messages_are_handed_out(self, data: st.DataObject, again: bool) -> None:
        batch = data.draw(st.permutations(self.backlog)) if self.backlog else []
        self.backlog = []
        if again and self.seen:
            batch.append(data.draw(st.sampled_from(self.seen)))
        self.seen += [alert for alert in batch if alert not in self.seen]
        self._record(self.desk.step(*batch))

    @rule(seconds=st.sampled_from([0.5, 3, 16, 31, 61, 3601]))
    def time_passes(self, seconds: float) -> None:
        for notices in self.desk.ticks(seconds):
            self._record(notices)

    @rule()
    def sends_succeed(self) -> None:
        waiting = [entry for entry in self._entries() if entry.told_ms and entry.sent_ms is None]
        self.desk.sent(*(entry.alert_id for entry in waiting))

    @rule(data=st.data(), value=st.sampled_from(["acknowledged", "closed"]))
    def a_person_takes_it_up(self, data: st.DataObject, value: str) -> None:
        if self.desk.entries:
            alert_id = data.draw(st.sampled_from(sorted(self.desk.entries)))
            entry = self.desk.entries[alert_id]
            look = None if entry.look_ms is None else self.desk.now
            self.desk.change(alert_id, look_ms=look, **{value: True})

    @rule(matcher=st.sampled_from(["rule=angry", "agent_id=7", "priority=critical"]))
    def a_silence_begins(self, matcher: str) -> None:
        self.desk.silence(matcher, seconds=40, silence_id=f"s{len(self.desk.silences)}")

    def _entries(self) -> list[Entry]:
        return [self.desk.entries[alert_id] for alert_id in sorted(self.desk.entries)]

    def _record(self, notices: list[Notice]) -> None:
        handled = frozenset(item.alert_id for item in self._entries() if item.is_handled)
        for notice in notices:
            self._check_caps(notice)
            if notice.kind is NoticeKind.FIRING:
                assert not any(
                    silence.covers(entry.facts, self.desk.now)
                    for silence in self.desk.silences
                    for entry in notice.entries
                )
        self.said += [Said(self.desk.now, notice, handled) for notice in notices]

    def _check_caps(self, notice: Notice) -> None:
        """In no period are there more notices of what a cap may hold than it allows."""
        caps = {cap for entry in notice.entries for cap in self._caps_of(entry)}
        for key, period, most in caps if notice.kind in CAPPED else ():
            recent = [
                earlier
                for at_ms, earlier in self.desk.told
                if at_ms > self.desk.now - period and earlier.kind in CAPPED
                if any((key, period, most) in self._caps_of(entry) for entry in earlier.entries)
            ]
            assert len(recent) <= most

    def _caps_of(self, entry: Entry) -> set[tuple[str, int, int]]:
        if entry.facts.priority is Priority.CRITICAL:
            return set()
        return set(policy.caps_of(entry.facts, self.desk.options))

    @invariant()
    def every_firing_alert_is_told_once_or_waits_or_has_a_reason(self) -> None:
        told = Counter(
            entry.alert_id
            for said in self.said
            if said.notice.kind is NoticeKind.FIRING
            for entry in said.notice.entries
        )
        for alert in self.seen:
            if alert.state == "firing":
                entry = self.desk.entries[alert.alert_id]
                waits = entry.look_ms is not None and entry.look_ms <= policy.wait_until(
                    entry, self.desk.options
                )
                assert told[alert.alert_id] + (entry.hold is not None) + waits >= 1
                assert told[alert.alert_id] <= 1
                assert not (told[alert.alert_id] and entry.hold)

    @invariant()
    def nobody_is_told_of_an_end_without_a_beginning(self) -> None:
        begun: set[str] = set()
        ended: Counter[str] = Counter()
        for said in self.said:
            ids = [entry.alert_id for entry in said.notice.entries]
            if said.notice.kind is NoticeKind.FIRING:
                begun.update(ids)
            else:
                assert begun.issuperset(ids)
            if said.notice.kind is NoticeKind.RESOLVED:
                ended.update(ids)
        assert max(ended.values(), default=1) == 1

    @invariant()
    def nobody_is_reminded_of_what_was_taken_up(self) -> None:
        reminders = {NoticeKind.REPEAT, NoticeKind.ESCALATED}
        for said in self.said:
            if said.notice.kind in reminders:
                assert said.handled.isdisjoint(entry.alert_id for entry in said.notice.entries)

    @invariant()
    def a_cooldown_holds_only_what_is_no_more_urgent_and_was_sent_before(self) -> None:
        for entry in self._entries():
            if entry.hold is not None and entry.hold.reason is HoldReason.COOLDOWN:
                first = self.desk.entries[entry.hold.by]
                assert first.sent_ms is not None
                assert entry.rank <= first.rank

    def teardown(self) -> None:
        """In the end nothing is left undecided."""
        self.messages_are_handed_out_at_last()
        for silence in self.desk.silences:
            assert silence.ends_ms <= self.desk.now
        self.every_firing_alert_is_told_once_or_waits_or_has_a_reason()
        for entry in self._entries():
            assert entry.look_ms is None
            if entry.hold is not None:
                assert entry.hold.reason is not HoldReason.FLOOD

    def messages_are_handed_out_at_last(self) -> None:
        """What still fires ends, and a day passes."""
        batch, self.backlog = self.backlog, []
        self.seen += batch
        self._record(self.desk.step(*batch))
        open_alerts = [entry.facts for entry in self._entries() if entry.is_firing]
        self.desk.now += 1
        self._record(self.desk.step(*map(self.desk.over, open_alerts)))
        self.time_passes(86_400)


NoticesMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPromises = NoticesMachine.TestCase
