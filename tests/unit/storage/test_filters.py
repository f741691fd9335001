"""Parameters of queries: what is accepted, and what is refused with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.messages import START
from tonewatch.storage.api.filters import AlertFilter, PageFilter, RecordFilter
from tonewatch.storage.api.timeline import MOST_WITH_STEPS, TimelineFilter


@pytest.mark.parametrize(
    ("begin", "zone", "meant"),
    [
        ("2026-01-04T09:00:00", "UTC", START),
        ("2026-01-04T17:00:00+08:00", "UTC", START),
        ("2026-01-04T17:00:00", "Asia/Shanghai", START),
        ("2026-01-04T09:00:00Z", "Asia/Shanghai", START),
        ("2026-01-04", "Asia/Shanghai", START - timedelta(hours=17)),
        # the hour that summer time leaves out, and the one that comes twice
        ("2026-03-29T02:30:00", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25T02:30:00", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_local_time_of_the_zone(
    begin: str, zone: str, meant: datetime
) -> None:
    asked = PageFilter.model_validate({"from": begin, "tz": zone})
    assert asked.begin == meant


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"emotion": ["furious"]}, "angry"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"limit": 1001}, "less than or equal to 1000"),
        ({"label": ["vip"]}, "name:value"),
        ({"label": [":vip"]}, "name:value"),
        ({"label": ['a"b:c']}, "quotation mark"),
        ({"from": "2026-01-05", "to": "2026-01-04"}, "`from` must be before `to`"),
        ({"from": "2026-01-04T16:00:00Z", "to": "2026-01-05", "tz": "Asia/Shanghai"}, "before"),
        ({"from": "yesterday"}, "datetime"),
        ({"from": "1970-12-31T00:00:00Z"}, "after the year 1970"),
        ({"tz": "Beijing"}, "there is no time zone 'Beijing'"),
        ({"emotoin": "angry"}, "Extra inputs"),
        ({"order": "up"}, "'asc' or 'desc'"),
        ({"confidence_min": 0.9, "confidence_max": 0.1}, "must not be above"),
        ({"agent_id": "a\0"}, "NUL"),
    ],
)
def test_a_wrong_parameter_is_refused_with_a_reason(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        RecordFilter.model_validate(asked)


def test_each_list_has_its_own_orders() -> None:
    assert AlertFilter.model_validate({"sort": "value"}).sort == "value"
    with pytest.raises(ValidationError, match="'time'"):
        RecordFilter.model_validate({"sort": "value"})


def test_a_timeline_with_matrices_is_bounded() -> None:
    assert TimelineFilter(steps=True).seconds == MOST_WITH_STEPS
    assert TimelineFilter().seconds == 3600
    with pytest.raises(ValidationError, match="limit is at most 600"):
        TimelineFilter(steps=True, limit=601)
