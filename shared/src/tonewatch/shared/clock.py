"""Wall time in one form: aware, UTC."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, with its zone."""
    return datetime.now(UTC)


def iso_utc(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z: the form of all API answers and webhooks."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_of(moment: datetime) -> int:
    """Milliseconds since 1970: the time format of tables."""
    return round(moment.timestamp() * 1000)


def now_ms() -> int:
    """The time now, as tables have it."""
    return ms_of(utc_now())


def iso_of(milliseconds: int | None) -> str | None:
    """A stored moment as answers show it."""
    if milliseconds is None:
        return None
    return iso_utc(datetime.fromtimestamp(milliseconds / 1000, UTC))
