"""The parts of the command that need no console: account, board, drawing, times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tonewatch.cli.account import (
    Account,
    checked_url,
    current_account,
    keep_account,
    kept_account,
)
from tonewatch.cli.board import KEEP_SECONDS, Board
from tonewatch.cli.drawing import LETTERS, bars, plain, ribbon
from tonewatch.cli.errors import CliError, MisusedError
from tonewatch.cli.events import Event
from tonewatch.cli.ruletrial import since
from tonewatch.cli.texts import Texts
from tonewatch.shared.emotions import EMOTIONS

ACCOUNT = Account("https://tonewatch.example.com", SecretStr("tw_1_secret"))


def test_an_account_is_kept_for_its_user_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "login.json"
    assert kept_account(file) is None
    keep_account(file, ACCOUNT)
    file.chmod(0o644)
    keep_account(file, ACCOUNT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept_account(file) == ACCOUNT
    assert "secret" not in repr(ACCOUNT)
    assert [each.name for each in file.parent.iterdir()] == ["login.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 1}'])
def test_a_file_that_is_no_account_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "login.json"
    file.write_text(content)
    with pytest.raises(CliError) as caught:
        kept_account(file)
    assert caught.value.places["file"] == file


def test_the_environment_comes_first_and_a_kept_key_stays_with_its_address(tmp_path: Path) -> None:
    file = tmp_path / "login.json"
    keep_account(file, ACCOUNT)
    assert current_account({}, file) == ACCOUNT
    assert current_account({"TONEWATCH_URL": f"{ACCOUNT.url}/"}, file) == ACCOUNT
    other = {"TONEWATCH_KEY": " tw_2_other\n"}
    assert current_account(other, file) == Account(ACCOUNT.url, SecretStr("tw_2_other"))
    with pytest.raises(MisusedError, match=r"error\.no_key"):
        current_account({"TONEWATCH_URL": "https://elsewhere.example.com"}, file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:7860",
        "ftp://host",
        "http://",
        "http://me:key@host",
        "http://h:x",
        "http://h?x",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(MisusedError):
        checked_url(text)


def test_a_key_over_an_open_network_is_noticed() -> None:
    for url, is_open in (
        ("http://10.0.0.7:7860", True),
        ("http://127.0.0.1:7860", False),
        ("https://10.0.0.7", False),
    ):
        assert Account(url, SecretStr("k")).is_open_to_listeners is is_open


def live(**changes: Any) -> dict[str, Any]:
    """An answer of /api/v1/live with one call."""
    track = {"speaker": "mixed", "first_seq": 3, "codes": "0-x."}
    session = {"session_id": "call-1", "source_id": "s", "name": "line", "state": "live"}
    return {"sessions": [{**session, "tracks": [track], **changes}]}


def score(seq: int, emotion: str = "happy", session_id: str = "call-1") -> Event:
    data = {"session_id": session_id, "source_id": "s", "speaker": "mixed"}
    return Event("score", {**data, "seq": seq, "emotion": emotion})


def test_a_board_begins_with_the_ribbon_and_goes_on_second_by_second() -> None:
    board = Board(None)
    board.start(live())
    assert board.take(score(7))
    assert board.take(score(7))
    track = board.calls[0].tracks["mixed"]
    assert track.last(5) == ["angry", "no_speech", "gap", "", "happy"]
    assert track.newest == "happy"


def test_a_board_keeps_ten_minutes() -> None:
    board = Board(None)
    for seq in range(KEEP_SECONDS + 10):
        board.take(score(seq))
    gap = {"session_id": "call-1", "speaker": "mixed", "first_seq": 0, "last_seq": 10**7}
    board.take(Event("gap", gap))
    assert len(board.calls[0].tracks["mixed"].seconds) <= 2 * KEEP_SECONDS + 1


@pytest.mark.parametrize("wanted", ["call-1", "line", "s"])
def test_one_call_is_found_by_id_name_or_source(wanted: str) -> None:
    board = Board(wanted)
    board.start(live())
    assert len(board.calls) == 1
    assert board.take(score(4))
    other = Event("score", {**score(1, session_id="call-2").data, "source_id": "t"})
    assert not board.take(other)
    ended = {"session_id": "call-1", "source_id": "s", "name": "line", "state": "ended"}
    board.take(Event("session", ended))
    assert board.is_over is (wanted == "call-1")


def test_uploads_are_no_live_calls() -> None:
    board = Board(None)
    begins = {"session_id": "u", "name": "file", "lane": "upload", "state": "started"}
    assert not board.take(Event("session", begins))
    assert board.calls == []


def test_every_emotion_has_a_letter_of_its_own_and_a_bar() -> None:
    assert len(set(LETTERS.values())) == len(LETTERS)
    assert ribbon(["angry", "angry", "", "happy"]).plain == "AA H"
    lines = [line.plain for line in bars({"sad": 1.0, "angry": 0.5}, Texts("zh"))]
    assert len(lines) == len(EMOTIONS)
    assert lines[0] == f"生气 {'█' * 15}{'·' * 15} 0.50"


def test_what_comes_from_outside_moves_no_cursor() -> None:
    assert plain("a\x1b[2J\r\nb\u202e线路") == "a�[2J��b�线路"


def test_times_are_ages_or_times() -> None:
    now = datetime.now(UTC)
    assert timedelta(days=7) <= now - since("7d") + timedelta(seconds=5)
    assert abs(now - since("90m") - timedelta(minutes=90)) < timedelta(seconds=60)
    assert since("2026-01-31T08:00:00+08:00") == datetime(2026, 1, 31, tzinfo=UTC)
    for text in ("yesterday", "7", "d7", ""):
        with pytest.raises(MisusedError):
            since(text)
