"""A session's or alert's row is the same in whatever order and however often its messages come."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.messages import START, make_alert, make_score, make_session
from tonewatch.shared.messages import Alert, AlertState, SessionEvent, SessionState, Speaker
from tonewatch.storage.merging import merge_alert, merge_session, new_alert_row
from tonewatch.storage.rows import implied_session_row

names = st.sampled_from(["", "line 1", "客服一线"])
labels = st.sampled_from([{}, {"agent_id": "a7", "queue": "售后"}, {"tier": "vip"}])
seconds = st.integers(0, 50)

ROW_OF_BOTH = {"state": "ended", "ended_at": START + timedelta(seconds=60), "started_at": START}


def _session(first: Any, events: list[SessionEvent]) -> dict[str, Any]:
    row = implied_session_row(first)
    for event in events:
        row = merge_session(row, event)
    return row


@settings(deadline=None)
@given(names, labels, names, labels, st.permutations([0, 1, 0, 1]))
def test_start_and_end_of_a_session_merge_in_any_order(
    name: str, told: dict[str, str], last_name: str, last_told: dict[str, str], order: list[int]
) -> None:
    both = [
        make_session(name=name, labels=told, speakers=(Speaker.CUSTOMER, Speaker.AGENT)),
        make_session(
            SessionState.ENDED,
            name=last_name,
            labels=last_told,
            at=START + timedelta(seconds=60),
            frames=60,
        ),
    ]
    expected = _session(both[0], both)
    events = [both[index] for index in order]
    assert _session(events[0], events) == expected
    assert expected["name"] == (name or last_name)
    assert expected["agent_id"] == (told or last_told).get("agent_id")
    assert expected["speakers"] == ["customer", "agent"]
    assert expected | ROW_OF_BOTH == expected


def test_a_session_that_only_a_score_told_of_is_completed_by_its_end() -> None:
    end = make_session(SessionState.ENDED, name="line 1", at=START + timedelta(seconds=9), frames=9)
    row = _session(make_score(seq=5), [end])
    assert row["started_at"] == START
    assert (row["state"], row["frames"], row["name"], row["kind"]) == ("ended", 9, "line 1", "pull")
    assert row["speakers"] == ["mixed"]


def test_an_end_alone_tells_when_the_session_began() -> None:
    end = make_session(SessionState.ENDED, at=START + timedelta(seconds=60), frames=60)
    assert _session(end, [end])["started_at"] == START


def _alert(transitions: list[Alert]) -> dict[str, Any]:
    row = new_alert_row(transitions[0])
    for alert in transitions[1:]:
        row = merge_alert(row, alert)
    return row


@settings(deadline=None)
@given(seconds, seconds, seconds, seconds, st.floats(0, 1), st.permutations([0, 1, 0, 1]))
def test_the_transitions_of_an_alert_merge_in_any_order(
    first: int, last: int, later_first: int, later_last: int, value: float, order: list[int]
) -> None:
    both = [
        make_alert(first_seq=first, last_seq=last, message="angry"),
        make_alert(
            AlertState.RESOLVED,
            first_seq=later_first,
            last_seq=later_last,
            value=value,
            at=START + timedelta(seconds=60),
            decided_at=START + timedelta(seconds=61),
            message="calm again",
        ),
    ]
    expected = _alert(both)
    assert _alert([both[index] for index in order]) == expected
    assert expected["state"] == "resolved"
    assert expected["message"] == "angry"
    assert (expected["fired_at"], expected["resolved_at"]) == (both[0].at, both[1].at)
    assert expected["first_seq"] == min(first, later_first)
    assert expected["last_seq"] == max(last, later_last)
