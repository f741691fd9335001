"""The board sums up what the streams tell, in any order, and forgets."""

from typing import Any

import pytest

from tests.support.messages import make_alert, make_gap, make_score, make_session
from tonewatch.console.live import Board
from tonewatch.console.live.board import MAX_ALERTS, MAX_SESSIONS
from tonewatch.console.live.events import name_of
from tonewatch.shared.messages import AlertState, Granularity, Lane, Message, SessionState, Speaker

MINUTE_MS = 60_000


def board_of(*messages: Message) -> Board:
    board = Board()
    for message in messages:
        board.apply(message, 0)
    return board


def sessions(board: Board, now_ms: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = board.public(now_ms)["sessions"]
    return found


def test_a_call_has_its_name_labels_and_a_ribbon_per_speaker() -> None:
    board = board_of(
        make_session(name="line 7", labels={"agent_id": "A1"}),
        make_score(0, "angry", 0.9, speaker=Speaker.CUSTOMER),
        make_score(0, "neutral", 0.6, speaker=Speaker.AGENT),
        make_gap(1, 1, speaker=Speaker.AGENT),
    )
    (call,) = sessions(board)
    assert (call["name"], call["labels"], call["state"]) == ("line 7", {"agent_id": "A1"}, "live")
    ribbons = {track["speaker"]: track["codes"] for track in call["tracks"]}
    assert ribbons == {"customer": "0", "agent": "4x"}


def test_scores_before_the_session_is_announced_make_a_call_that_gets_its_name_later() -> None:
    board = board_of(make_score(0, labels={"queue": "refunds"}))
    assert sessions(board)[0]["labels"] == {"queue": "refunds"}
    board.apply(make_session(name="line 1"), 0)
    assert [call["name"] for call in sessions(board)] == ["line 1"]


def test_uploads_are_nobody_on_the_line() -> None:
    assert sessions(board_of(make_session(lane=Lane.UPLOAD), make_score(0))) == []


def test_an_ended_call_stays_for_two_minutes() -> None:
    board = board_of(make_session(), make_session(SessionState.ENDED))
    assert sessions(board, 2 * MINUTE_MS)[0]["state"] == "ended"
    assert sessions(board, 2 * MINUTE_MS + 1) == []


def test_a_silent_call_stays_for_half_an_hour_after_its_last_word() -> None:
    board = board_of(make_session())
    board.apply(make_score(0), 10 * MINUTE_MS)
    assert len(sessions(board, 40 * MINUTE_MS)) == 1
    assert sessions(board, 40 * MINUTE_MS + 1) == []


def test_the_board_is_bounded_and_drops_the_oldest() -> None:
    board = Board()
    for number in range(MAX_SESSIONS + 1):
        board.apply(make_score(0, session_id=f"call-{number}"), number)
    known = {call["session_id"] for call in sessions(board)}
    assert len(known) == MAX_SESSIONS
    assert "call-0" not in known
    for number in range(MAX_ALERTS + 1):
        board.apply(make_alert(alert_id=f"alert-{number}"), number)
    assert len(board.public(0)["alerts"]) == MAX_ALERTS


@pytest.mark.parametrize("first", [AlertState.FIRING, AlertState.RESOLVED])
def test_the_later_decision_about_an_alert_counts(first: AlertState) -> None:
    firing, resolved = make_alert(), make_alert(AlertState.RESOLVED)
    resolved = resolved.model_copy(update={"decided_at": firing.decided_at.replace(year=2027)})
    order = [firing, resolved] if first is AlertState.FIRING else [resolved, firing]
    (alert,) = board_of(*order).public(0)["alerts"]
    assert alert["state"] == "resolved"
    assert "traceparent" not in alert


def test_an_utterance_is_no_second_of_the_ribbon() -> None:
    board = board_of(
        make_score(0, "angry"),
        make_score(3, "sad", granularity=Granularity.UTTERANCE),
    )
    (call,) = sessions(board)
    assert [track["codes"] for track in call["tracks"]] == ["0"]
    assert name_of(make_score(3, granularity=Granularity.UTTERANCE)) == "utterance"
    assert name_of(make_score(3)) == "score"
