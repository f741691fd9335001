"""When a rule is at work: weekdays and hours in a time zone (shifts may pass midnight)."""

import difflib
import re
from datetime import datetime
from enum import StrEnum
from functools import cache, cached_property
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from tonewatch.alerting.rules._fields import RuleModel, each_once, mistake

MINUTES_PER_HOUR: Final = 60
MINUTES_PER_DAY: Final = 24 * MINUTES_PER_HOUR
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


class Weekday(StrEnum):
    """In the order of `datetime.weekday`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK: Final = tuple(Weekday)


def _minutes(value: Any) -> int:
    # YAML 1.1 reads 18:00 without quotes as a number to the base of 60: 1080
    if isinstance(value, int) and MINUTES_PER_HOUR <= value <= MINUTES_PER_DAY:
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    minutes = 60 * int(found[1]) + int(found[2]) if found else MINUTES_PER_DAY + 1
    if minutes > MINUTES_PER_DAY:
        raise mistake('is no time of day: write hours and minutes, such as "09:00" or "24:00"')
    return minutes


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    known = _zones()
    if name not in known:
        likely = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f'; did you mean "{likely[0]}"?' if likely else ""
        raise mistake(f"is no IANA time zone{hint} (such as Asia/Shanghai)")
    return name


Clock = Annotated[
    int,
    BeforeValidator(_minutes, json_schema_input_type=str),
    PlainSerializer(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}", return_type=str),
]
"""Minutes since midnight, written as "09:00"."""


class ActiveTime(RuleModel):
    """Hours on weekdays; where `to` is before `from`, the shift ends on the next day."""

    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1), AfterValidator(each_once)] = WEEK
    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    timezone: Annotated[str, AfterValidator(_zone)]

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.begin == self.end:
            raise mistake('is the same as `from`; for whole days write "00:00" to "24:00"', "to")
        return self

    def contains(self, moment: datetime) -> bool:
        """Whether an aware moment lies in these hours."""
        local = moment.astimezone(self._zone_info)
        minute, today = 60 * local.hour + local.minute, local.weekday()
        if self.begin < self.end:
            return self.begin <= minute < self.end and WEEK[today] in self.weekdays
        if minute >= self.begin:
            return WEEK[today] in self.weekdays
        return minute < self.end and WEEK[today - 1] in self.weekdays

    @cached_property
    def _zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
