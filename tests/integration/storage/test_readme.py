"""The queries of the service's README give what they promise, in the sqlite3 that analysts use."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.messages import START, make_alert, make_gap, make_score, make_session
from tests.support.stored import items, sql
from tonewatch.shared.messages import AlertState
from tonewatch.storage.database import Database
from tonewatch.storage.settings import StorageOptions
from tonewatch.storage.store import Store

README = Path(__file__).parents[3] / "services" / "storage" / "README.md"
QUERIES = re.findall(r"```sql\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
VIP = {"agent_id": "a7", "customer_tier": "vip"}
Rows = list[tuple[Any, ...]]

EXPECTED: list[Callable[[Rows], bool]] = [
    lambda rows: len(rows) == 2 and rows[0][1] == "2026-01-04 09:00:04.000000" and rows[0][7] == 1,
    lambda rows: rows == [("angry", 6), ("no_speech", 2), ("sad", 1)],
    lambda rows: rows == [("a7", 6, 0.9)],
    lambda rows: rows == [("call-1", "line 1", "2026-01-04 09:00:00.000000", 0.013)],
    lambda rows: rows == [("angry", "high", "call-1", "2026-01-04 09:00:05.000000", 3.0)],
    lambda rows: rows == [("overload", 2)],
    lambda rows: rows == [(0, 0.773, 0.139, 0.013)],
]


def test_every_query_of_the_readme_is_expected_here() -> None:
    assert len(QUERIES) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_a_query_of_the_readme_gives_what_it_promises(
    number: int, sqlite: Database, sqlite_path: Path
) -> None:
    await Store(sqlite).write(
        items(
            [
                make_session(labels=VIP),
                *(make_score(seq, "angry", labels=VIP) for seq in range(6)),
                make_score(6, "sad", labels=VIP),
                make_score(7, "no_speech", labels=VIP),
                make_score(8, "other", session_id="call-2"),
                make_score(9, "no_speech", session_id="call-2"),
                make_gap(8, 9, labels=VIP),
                make_alert(labels=VIP),
                make_alert(AlertState.RESOLVED, labels=VIP, at=START + timedelta(seconds=8)),
            ]
        )
    )
    rows = sql(sqlite_path, QUERIES[number])
    assert EXPECTED[number](rows), rows


def test_the_readme_names_every_setting() -> None:
    text = README.read_text("utf-8")
    for name in StorageOptions.model_fields:
        assert f"`TONEWATCH_STORAGE__{name.upper()}`" in text
