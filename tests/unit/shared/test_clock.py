"""One form of wall time."""

from datetime import UTC, datetime, timedelta, timezone

from tonewatch.shared.clock import iso_of, iso_utc, ms_of, now_ms, utc_now


def test_a_moment_of_any_zone_is_shown_in_utc() -> None:
    moment = datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=8)))
    assert iso_utc(moment) == "2026-03-01T00:00:00.250Z"
    assert iso_of(ms_of(moment)) == iso_utc(moment)
    assert iso_of(None) is None


def test_now_is_now() -> None:
    assert utc_now().tzinfo is UTC
    assert abs(now_ms() - ms_of(utc_now())) < 60_000
