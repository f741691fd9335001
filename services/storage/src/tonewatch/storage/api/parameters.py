"""What a parameter may hold, whatever list it narrows: text, labels, moments, time zones."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("text holds no NUL character")
    return text


def _label(text: str) -> str:
    name, colon, _ = text.partition(":")
    if not colon or not name:
        raise ValueError("a label is written name:value, such as customer_tier:vip")
    if '"' in name or "\\" in name:
        raise ValueError("a label's name holds no quotation mark or backslash")
    return text


def _moment(moment: datetime) -> datetime:
    if not FIRST_YEAR < moment.year <= LAST_YEAR:
        raise ValueError(f"a time lies after the year {FIRST_YEAR} and before {LAST_YEAR + 1}")
    return moment


def _zone(name: str) -> str:
    zone(name)
    return name


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        ValueError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # a folder, a path, a name unknown
        raise ValueError(
            f"there is no time zone {name[:64]!r}; use an IANA name such as Asia/Shanghai or UTC"
        ) from error


def in_utc(moment: datetime, zone_name: str) -> datetime:
    """The moment in UTC; one without an offset is local time of the zone."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(zone_name))
    return moment.astimezone(UTC)


Text = Annotated[str, AfterValidator(_storable), Field(max_length=256)]
Label = Annotated[str, AfterValidator(_storable), AfterValidator(_label), Field(max_length=400)]
Moment = Annotated[datetime, AfterValidator(_moment)]
Zone = Annotated[str, AfterValidator(_zone), Field(max_length=64)]
Key = Annotated[str, AfterValidator(_storable), Field(max_length=128)]
"""An id of a session or alert, in the path."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
