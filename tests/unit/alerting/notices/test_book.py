"""When somebody is told, and why not: one idea per test, in virtual time."""

import pytest

from tests.unit.alerting.notices.desk import Desk, said
from tonewatch.alerting.notices.model import EventKind
from tonewatch.alerting.settings import CapOptions, NoticeOptions
from tonewatch.shared.messages import AlertAction, AlertSubject, Escalation, Priority, Speaker

LOW, MEDIUM, HIGH, CRITICAL = Priority


def test_an_urgent_alert_is_told_at_once_and_its_end_afterwards() -> None:
    desk = Desk()
    firing = desk.fire()
    assert said(desk.step(firing)) == [("firing", ["alert-1"])]
    assert said(desk.step(desk.over(firing))) == [("resolved", ["alert-1"])]
    assert desk.next_look() is None


def test_messages_that_come_again_change_nothing() -> None:
    desk = Desk()
    firing = desk.fire()
    desk.step(firing, firing)
    over = desk.over(firing)
    assert desk.step(firing) == []
    desk.step(over)
    count = len(desk.events)
    assert desk.step(firing, over, over) == []
    assert len(desk.events) == count


def test_what_fired_and_ended_while_nobody_looked_is_told_in_order() -> None:
    desk = Desk()
    firing = desk.fire()
    assert said(desk.step(firing, desk.over(firing))) == [
        ("firing", ["alert-1"]),
        ("resolved", ["alert-1"]),
    ]


def test_an_end_that_comes_before_its_beginning_waits_for_it() -> None:
    desk = Desk()
    firing = desk.fire()
    assert desk.step(desk.over(firing)) == []
    assert said(desk.step(firing)) == [("firing", ["alert-1"]), ("resolved", ["alert-1"])]


def test_less_urgent_alerts_of_a_call_wait_for_each_other() -> None:
    desk = Desk()
    assert desk.step(desk.fire("a", priority=MEDIUM)) == []
    desk.now += 1000
    assert desk.step(desk.fire("b", priority=LOW, rule="sad")) == []
    assert desk.step(desk.fire("c", priority=MEDIUM, session_id="call-2")) == []
    assert said(desk.after(2)) == [("firing", ["a", "b"])]
    assert said(desk.after(2)) == [("firing", ["c"])]


def test_an_urgent_alert_takes_those_along_that_wait() -> None:
    desk = Desk()
    desk.step(desk.fire("a", priority=LOW))
    assert said(desk.step(desk.fire("b", rule="fear"))) == [("firing", ["b", "a"])]
    assert desk.after(10) == []


@pytest.mark.parametrize(("group_by", "messages"), [("agent", 1), ("call", 2), ("none", 2)])
def test_what_is_a_group_is_a_setting(group_by: str, messages: int) -> None:
    desk = Desk(NoticeOptions(group_by=group_by))
    labels = {"agent_id": "7"}
    calls = [desk.fire(f"a{n}", session_id=f"call-{n}", labels=labels) for n in range(2)]
    assert len(desk.step(*calls)) == messages


def test_what_is_muted_while_it_waits_is_not_taken_along() -> None:
    desk = Desk()
    desk.step(desk.fire("a", priority=LOW, rule="sad"))
    desk.silence("rule=sad", seconds=60)
    assert said(desk.step(desk.fire("b"))) == [("firing", ["b"])]
    desk.after(3)
    assert desk.why("a") == ("silenced", "silence-1")


def test_a_silenced_alert_is_recorded_and_told_when_the_silence_ends() -> None:
    desk = Desk()
    desk.silence("agent_id=7", "priority=~high|low", seconds=60)
    desk.step(desk.fire("mine", labels={"agent_id": "7"}))
    desk.step(desk.fire("other", labels={"agent_id": "8"}, session_id="call-2"))
    assert desk.why("mine") == ("silenced", "silence-1")
    assert [ids for _, ids in said([notice for _, notice in desk.told])] == [["other"]]
    assert desk.after(59) == []
    assert said(desk.after(1)) == [("firing", ["mine"])]


def test_what_ends_while_it_is_silenced_is_never_told() -> None:
    desk = Desk()
    desk.silence("rule=angry", seconds=60)
    firing = desk.fire()
    desk.step(firing)
    desk.step(desk.over(firing))
    assert desk.after(3600) == []
    assert desk.why("alert-1") == ("silenced", "silence-1")


def test_a_stream_that_is_down_mutes_the_emotions_of_its_source() -> None:
    desk = Desk()
    down = desk.fire("down", subject=AlertSubject.STREAM, priority=LOW, session_id="other")
    desk.step(down)
    desk.after(5)
    desk.step(desk.fire("angry"))
    desk.step(desk.fire("elsewhere", source_id="source-2", session_id="call-3"))
    assert desk.why("angry") == ("inhibited", "down")
    assert desk.why("elsewhere") is None
    assert said(desk.step(desk.over(down))) == [("firing", ["angry"]), ("resolved", ["down"])]


def test_a_critical_alert_mutes_the_lesser_ones_of_its_call() -> None:
    desk = Desk()
    critical = desk.fire("worst", priority=CRITICAL, rule="threat")
    assert said(desk.step(desk.fire("angry"), critical)) == [("firing", ["worst"])]
    desk.step(desk.fire("elsewhere", session_id="call-2"))
    assert desk.why("angry") == ("inhibited", "worst")
    assert desk.why("elsewhere") is None
    assert ("firing", ["angry"]) in said(desk.step(desk.over(critical)))


def test_a_critical_alert_does_not_mute_what_is_to_be_looked_at_later() -> None:
    desk = Desk()
    critical = desk.fire("worst", priority=CRITICAL, rule="threat")
    desk.step(critical, desk.fire("review", action=AlertAction.REVIEW, rule="tone"))
    assert desk.why("review") is None


def test_an_alert_that_nobody_hears_of_mutes_nothing() -> None:
    desk = Desk()
    desk.silence("rule=threat", seconds=60)
    critical = desk.fire("worst", priority=CRITICAL, rule="threat")
    assert said(desk.step(critical, desk.fire("angry"))) == [("firing", ["angry"])]


def test_inhibition_can_be_switched_off() -> None:
    desk = Desk(NoticeOptions(inhibit_by_critical=False, inhibit_by_stream=False))
    down = desk.fire("down", subject=AlertSubject.STREAM)
    critical = desk.fire("worst", priority=CRITICAL, rule="threat")
    desk.step(down, critical, desk.fire("angry"))
    assert {desk.why(alert_id) for alert_id in desk.entries} == {None}


def test_a_cooldown_begins_when_a_send_succeeds() -> None:
    desk = Desk()
    desk.step(desk.fire("a", notice_cooldown_seconds=60))
    desk.now += 5000
    assert said(desk.step(desk.fire("b", notice_cooldown_seconds=60))) == [("firing", ["b"])]
    desk.sent("b")
    desk.now += 59_000
    assert desk.step(desk.fire("c", notice_cooldown_seconds=60)) == []
    assert desk.why("c") == ("cooldown", "b")
    assert said(desk.after(1)) == [("firing", ["c"])]


def test_a_cooldown_is_pierced_by_what_is_more_urgent() -> None:
    desk = Desk()
    desk.step(desk.fire("a", notice_cooldown_seconds=60))
    desk.sent("a")
    worse = desk.fire("b", notice_cooldown_seconds=60, priority=CRITICAL)
    assert said(desk.step(worse)) == [("firing", ["b"])]
    desk.sent("b")
    desk.step(desk.over(worse), desk.fire("c", notice_cooldown_seconds=60))
    assert desk.why("c") is not None


@pytest.mark.parametrize(("per", "is_held"), [("track", False), ("call", True)])
def test_a_cooldown_is_about_a_track_or_a_call(per: str, is_held: bool) -> None:
    desk = Desk(NoticeOptions(cooldown_per=per))
    desk.step(desk.fire("a", notice_cooldown_seconds=60, speaker=Speaker.AGENT))
    desk.sent("a")
    desk.step(desk.fire("b", notice_cooldown_seconds=60, speaker=Speaker.CUSTOMER))
    assert (desk.why("b") is not None) == is_held


def test_what_a_cap_holds_is_told_in_one_digest_when_there_is_room() -> None:
    desk = Desk(NoticeOptions(caps=CapOptions(rule_per_minute=2, agent_per_minute=None)))
    for number in range(5):
        desk.now += 1000
        desk.step(desk.fire(f"a{number}", session_id=f"call-{number}"))
    assert len(desk.told) == 2
    assert desk.why("a2") == ("flood", "rule:angry")
    assert desk.after(55.999) == []
    (digest,) = desk.after(0.001)
    assert (said([digest]), digest.held_back) == ([("firing", ["a2", "a3", "a4"])], 3)


def test_a_cap_counts_the_most_urgent_but_lets_them_pass() -> None:
    caps = CapOptions(rule_per_minute=1, spare=CRITICAL)
    desk = Desk(NoticeOptions(caps=caps))
    desk.step(desk.fire("a", priority=CRITICAL))
    desk.step(desk.fire("b", priority=CRITICAL, session_id="call-2"))
    desk.step(desk.fire("c", session_id="call-3"))
    assert len(desk.told) == 2
    assert desk.why("c") == ("flood", "rule:angry")
    strict = Desk(NoticeOptions(caps=caps.model_copy(update={"spare": None})))
    strict.step(strict.fire("a", priority=CRITICAL))
    strict.step(strict.fire("b", priority=CRITICAL, session_id="call-2"))
    assert strict.why("b") == ("flood", "rule:angry")


def test_each_agent_has_a_cap_of_his_own() -> None:
    desk = Desk(NoticeOptions(caps=CapOptions(agent_per_minute=1)))
    for number, agent in enumerate(("7", "7", "8")):
        labels = {"agent_id": agent}
        desk.step(desk.fire(f"a{number}", labels=labels, session_id=f"call-{number}"))
    assert [desk.why(f"a{number}") for number in range(3)] == [None, ("flood", "agent:7"), None]


def test_it_is_told_again_while_it_fires_and_nobody_has_taken_it_up() -> None:
    desk = Desk()
    firing = desk.fire(notice_repeat_seconds=60)
    desk.step(firing)
    assert said(desk.after(125)) == [("repeat", ["alert-1"]), ("repeat", ["alert-1"])]
    names = [notice.name_for(notice.entries[0]) for _, notice in desk.told]
    assert names == ["firing", "repeat-1", "repeat-2"]
    desk.change("alert-1", acknowledged=True)
    assert desk.after(600) == []


def test_what_nobody_acknowledges_is_escalated_step_by_step() -> None:
    desk = Desk()
    steps = (
        Escalation(after_seconds=300, channels=("director",)),
        Escalation(after_seconds=60, channels=("boss",)),
    )
    firing = desk.fire(notice_escalate=steps)
    desk.step(firing)
    desk.step(desk.over(firing))
    (first,) = desk.after(60)
    assert (first.channels, first.event_type) == (("boss",), "alert.escalated")
    (second,) = desk.after(240)
    assert (second.channels, second.name_for(second.entries[0])) == (("director",), "escalated-2")
    assert desk.after(3600) == []


def test_an_acknowledged_alert_is_not_escalated() -> None:
    desk = Desk()
    steps = (Escalation(after_seconds=60, channels=("boss",)),)
    desk.step(desk.fire(notice_escalate=steps))
    desk.after(59)
    desk.change("alert-1", acknowledged=True)
    assert desk.after(3600) == []


def test_an_end_stops_escalation_where_it_says_all_is_well() -> None:
    steps = (Escalation(after_seconds=60, channels=("boss",)),)
    stream = Desk()
    down = stream.fire(notice_escalate=steps, subject=AlertSubject.STREAM)
    stream.step(down, stream.over(down))
    assert stream.after(100) == []
    strict = Desk(NoticeOptions(escalate_resolved=False))
    firing = strict.fire(notice_escalate=steps)
    strict.step(firing, strict.over(firing))
    assert strict.after(100) == []


def test_a_silence_mutes_repeats_and_escalations_but_not_the_end() -> None:
    desk = Desk()
    steps = (Escalation(after_seconds=60, channels=("boss",)),)
    firing = desk.fire(notice_escalate=steps, notice_repeat_seconds=30)
    desk.step(firing)
    desk.silence("rule=angry", seconds=100)
    assert desk.after(99) == []
    assert sorted(kind for kind, _ in said(desk.after(1))) == ["escalated", "repeat"]
    desk.silence("rule=angry", seconds=100)
    assert said(desk.step(desk.over(firing))) == [("resolved", ["alert-1"])]


def test_what_was_taken_up_or_is_too_old_is_not_told() -> None:
    desk = Desk()
    desk.step(desk.fire("seen", priority=LOW))
    desk.change("seen", acknowledged=True)
    late = desk.fire("late", notice_expires_seconds=10, session_id="call-2")
    desk.now += 11_000
    assert desk.step(late) == []
    assert desk.why("seen") == ("acknowledged", "")
    assert desk.why("late") == ("expired", "")


def test_that_nobody_could_be_told_is_recorded() -> None:
    desk = Desk(reaches=lambda alert: "webhook" in alert.channels)
    assert desk.step(desk.fire(channels=("absent",))) == []
    assert desk.why("alert-1") == ("no_receiver", "")


def test_a_review_is_asked_for_once() -> None:
    desk = Desk()
    firing = desk.fire(action=AlertAction.REVIEW, notice_repeat_seconds=10)
    (notice,) = desk.step(firing)
    assert notice.event_type == "review.requested"
    assert desk.step(desk.over(firing)) == []
    assert desk.after(100) == []


def test_a_stream_has_types_of_its_own() -> None:
    desk = Desk()
    down = desk.fire(subject=AlertSubject.STREAM)
    types = [notice.event_type for notice in desk.step(down, desk.over(down))]
    assert types == ["stream.down", "stream.up"]


def test_the_history_says_what_happened_in_order() -> None:
    desk = Desk()
    desk.silence("rule=angry", seconds=10)
    firing = desk.fire()
    desk.step(firing)
    desk.after(10)
    desk.step(desk.over(firing))
    assert [event.kind for event in desk.events] == [
        EventKind.FIRED,
        EventKind.HELD,
        EventKind.TOLD,
        EventKind.RESOLVED,
        EventKind.RESOLVED_TOLD,
    ]
    assert desk.events[1].detail == {"reason": "silenced", "held_by": "silence-1"}
