"""What other replicas tell of their sources, and a source with calls on two."""

from tonewatch.ingest.live import Quality, SourceState, Status
from tonewatch.ingest.live.elsewhere import Elsewhere, combined, encode
from tonewatch.shared.clock import utc_now


def status(state: SourceState, *, replica: str = "a", calls: int = 0) -> Status:
    made = Status("s1", lambda _: None, replica=replica, open_sessions=calls, sessions=calls)
    made.move(state, "because")
    made.session_id = f"call-{replica}" if calls else None
    return made


def test_a_report_says_what_the_status_says() -> None:
    told = status(SourceState.BACKOFF)
    elsewhere = Elsewhere(lambda _: None)
    elsewhere.update([encode([told])])
    heard = elsewhere.status("s1")
    assert heard is not None
    assert (heard.state, heard.reason, heard.since) == (told.state, told.reason, told.since)
    assert (heard.replica, heard.session_id) == ("a", None)


def test_a_change_of_state_or_number_is_news_and_the_history_is_of_states() -> None:
    news: list[str] = []
    elsewhere = Elsewhere(news.append)
    live = SourceState.LIVE
    for state, calls in ((SourceState.CONNECTING, 0), (live, 1), (live, 1), (live, 2)):
        elsewhere.update([encode([status(state, calls=calls)])])
    heard = elsewhere.status("s1")
    assert news == ["s1"] * 3
    assert heard is not None
    assert [each.state for each in heard.history] == ["connecting", "live"]


def test_who_tells_nothing_any_more_is_forgotten() -> None:
    elsewhere = Elsewhere(lambda _: None)
    elsewhere.update([encode([status(SourceState.LIVE)])])
    elsewhere.update([])
    assert elsewhere.status("s1") is None


def test_what_cannot_be_read_hides_nothing_else() -> None:
    elsewhere = Elsewhere(lambda _: None)
    elsewhere.update([b'[{"of": "another version"}]', encode([status(SourceState.LIVE)])])
    assert elsewhere.status("s1") is not None


def test_calls_on_two_replicas_are_counted_together() -> None:
    both = combined(
        status(SourceState.IDLE, replica="a"), status(SourceState.LIVE, replica="b", calls=2)
    )
    assert (both.state, both.open_sessions, both.session_id) == ("live", 2, "call-b")
    elsewhere = Elsewhere(lambda _: None)
    notes = [encode([status(SourceState.LIVE, replica=r, calls=1)]) for r in ("b", "c")]
    elsewhere.update(notes)
    heard = elsewhere.status("s1")
    assert heard is not None
    assert heard.open_sessions == 2


def test_the_quality_of_calls_on_two_replicas_is_the_worse_one() -> None:
    good, bad = status(SourceState.LIVE, calls=1), status(SourceState.LIVE, replica="b", calls=1)
    bad.lost_calls.extend([utc_now()] * 10)
    assert (good.quality(), bad.quality()) == (Quality.EXCELLENT, Quality.POOR)
    assert combined(good, bad).quality() is combined(bad, good).quality() is Quality.POOR


def test_a_note_names_the_uploads_that_somebody_is_to_end() -> None:
    elsewhere = Elsewhere(lambda _: None)
    elsewhere.update([encode([status(SourceState.LIVE)], ["u1"]), encode([], ["u2"]), encode([])])
    assert elsewhere.cancels == {"u1", "u2"}
    assert elsewhere.status("s1") is not None
    elsewhere.update([encode([])])
    assert elsewhere.cancels == frozenset()
