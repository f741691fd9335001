"""Parameters of queries: what is accepted, and what is refused with a reason."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.messages import START
from tonewatch.storage.api.filters import PageFilter, RecordFilter, record_conditions
from tonewatch.storage.api.timeline import MOST_WITH_STEPS, TimelineFilter


def test_a_time_without_a_zone_is_utc_and_others_are_converted() -> None:
    asked = PageFilter.model_validate(
        {"from": "2026-01-04T09:00:00", "to": "2026-01-04T17:00:01+08:00"}
    )
    assert asked.begin == START
    assert asked.end == START + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"emotion": ["furious"]}, "angry"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"limit": 1001}, "less than or equal to 1000"),
        ({"label": ["vip"]}, "name:value"),
        ({"label": ['a"b:c']}, "quotation mark"),
        ({"from": "2026-01-05", "to": "2026-01-04"}, "`from` must be before `to`"),
        ({"from": "yesterday"}, "datetime"),
        ({"emotoin": "angry"}, "Extra inputs"),
        ({"order": "up"}, "'asc' or 'desc'"),
    ],
)
def test_a_wrong_parameter_is_refused_with_a_reason(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        RecordFilter.model_validate(asked)


def test_each_parameter_becomes_a_condition() -> None:
    asked = RecordFilter.model_validate(
        {
            "from": "2026-01-04",
            "to": "2026-01-05",
            "source_id": "s",
            "session_id": "c",
            "agent_id": "a",
            "queue": "q",
            "speaker": "agent",
            "label": ["tier:vip", "order_id:7:1"],
            "emotion": ["angry", "no_speech"],
            "alert_triggered": False,
            "granularity": "frame",
        }
    )
    assert len(record_conditions(asked)) == 12
    assert record_conditions(RecordFilter()) == []


def test_a_timeline_with_matrices_is_bounded() -> None:
    assert TimelineFilter(steps=True).seconds == MOST_WITH_STEPS
    assert TimelineFilter().seconds == 3600
    with pytest.raises(ValidationError, match="limit is at most 600"):
        TimelineFilter(steps=True, limit=601)
