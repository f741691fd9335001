"""Milliseconds since 1970: the time format of the tables."""

from datetime import UTC, datetime

from tonewatch.shared.clock import iso_utc, utc_now


def now_ms() -> int:
    """The time now."""
    return round(utc_now().timestamp() * 1000)


def iso_of(milliseconds: int | None) -> str | None:
    """As answers show it."""
    if milliseconds is None:
        return None
    return iso_utc(datetime.fromtimestamp(milliseconds / 1000, UTC))
