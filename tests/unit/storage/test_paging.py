"""A cursor is taken back only unchanged and only for the list order that it came from."""

from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.messages import START
from tonewatch.shared.errors import InvalidInputError
from tonewatch.storage.api.paging import Keyset, cut
from tonewatch.storage.models import Alert, EmotionRecord

RECORDS = Keyset("time", (EmotionRecord.timestamp, EmotionRecord.id))
ALERTS = Keyset("time", (Alert.started_at, Alert.alert_id))
BY_VALUE = Keyset("value", (Alert.value, Alert.alert_id))


@settings(deadline=None)
@given(st.datetimes(), st.integers(0, 2**62), st.sampled_from(["asc", "desc"]))
def test_a_cursor_holds_its_row_s_place(moment: datetime, key: int, order: str) -> None:
    aware = moment.replace(tzinfo=START.tzinfo)
    cursor = RECORDS.cursor(SimpleNamespace(timestamp=aware, id=key), order)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert RECORDS._decode(cursor, order) == [aware, key]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidInputError, match="next_cursor"):
        RECORDS.page(select(EmotionRecord), order="desc", limit=1, cursor=text)


def test_a_cursor_of_another_list_or_order_is_refused() -> None:
    alert = ALERTS.cursor(SimpleNamespace(started_at=START, alert_id="abc"), "desc")
    with pytest.raises(InvalidInputError, match="next_cursor"):
        RECORDS.page(select(EmotionRecord), order="desc", limit=1, cursor=alert)
    with pytest.raises(InvalidInputError, match="order=desc, not sort=time order=asc"):
        ALERTS.page(select(Alert), order="asc", limit=1, cursor=alert)
    value = BY_VALUE.cursor(SimpleNamespace(value=0.5, alert_id="告警"), "desc")
    with pytest.raises(InvalidInputError, match="unchanged"):
        ALERTS.page(select(Alert), order="desc", limit=1, cursor=value)
    assert BY_VALUE._decode(value, "desc") == [0.5, "告警"]


@settings(deadline=None)
@given(st.lists(st.integers(), max_size=8), st.integers(1, 8))
def test_a_page_is_cut_to_its_limit_and_points_on_only_if_more_follows(
    rows: list[int], limit: int
) -> None:
    page, following = cut(rows, limit, str)
    assert list(page) == rows[:limit]
    assert following == (str(page[-1]) if len(rows) > limit else None)
