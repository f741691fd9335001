"""Exports: all rows a filter picks, in three formats, whatever is in them, in little memory."""

import csv
import gc
import io
import json
import tracemalloc
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.messages import make_alert, make_score
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.storage.api import export
from tonewatch.storage.api.conditions import choose_records
from tonewatch.storage.api.records import RECORDS
from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

FORMATS = ("csv", "jsonl", "parquet")
ODD = {"agent_id": "=HYPERLINK(1)", "queue": '售后,"A"\n二线 😀', "note": "@SUM(1)"}


async def _export(client: AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/export/{path}", params=query)
    assert answer.status_code == 200, answer.text
    match query["format"]:
        case "csv":
            return list(csv.DictReader(io.StringIO(answer.text)))
        case "jsonl":
            return [json.loads(line) for line in answer.text.splitlines()]
        case _:
            table = pq.read_table(io.BytesIO(answer.content))
            rows: list[dict[str, Any]] = table.to_pylist()
            return rows


@pytest.mark.parametrize("chosen", FORMATS)
async def test_every_row_is_exported_once_over_many_pages(
    chosen: str, client: AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE_ROWS", 7)
    await store.write(items([make_score(n, ("angry", "sad")[n % 2]) for n in range(50)]))
    await store.write(items([make_score(n, session_id="call-2") for n in range(20)]))
    rows = await _export(client, "records", format=chosen, session_id="call-1")
    assert [int(row["seq"]) for row in rows] == list(range(50))
    rows = await _export(client, "records", format=chosen, emotion=["angry", "neutral"])
    assert len(rows) == 45
    assert list(rows[0])[:4] == ["id", "timestamp", "audio_id", "emotion"]
    assert await _export(client, "records", format=chosen, session_id="none") == []


@pytest.mark.parametrize("chosen", FORMATS)
async def test_segments_and_alerts_are_exported(
    chosen: str, client: AsyncClient, store: Store, database: Database
) -> None:
    await store.write(items([*(make_score(n, "angry") for n in range(3)), make_alert()]))
    await Rollups(database).catch_up()
    (segment,) = await _export(client, "segments", format=chosen, emotion="angry")
    assert (segment["session_id"], int(segment["last_seq"])) == ("call-1", 2)
    (alert,) = await _export(client, "alerts", format=chosen, rule="angry")
    assert (alert["alert_id"], float(alert["threshold"])) == ("alert-1", 0.75)
    assert await _export(client, "alerts", format=chosen, state="resolved") == []


async def test_odd_text_survives_and_no_cell_is_a_formula(
    client: AsyncClient, store: Store
) -> None:
    await store.write(items([make_score(0, labels=ODD)]))
    (row,) = await _export(client, "records", format="csv")
    assert row["agent_id"] == "'=HYPERLINK(1)"
    assert row["queue"] == ODD["queue"]
    assert float(row["level_dbfs"]) == -20  # a number is no formula
    (row,) = await _export(client, "records", format="jsonl")
    assert (row["agent_id"], row["labels"]) == (ODD["agent_id"], ODD)
    assert row["timestamp"] == "2026-01-04T09:00:00.000Z"
    (row,) = await _export(client, "records", format="parquet")
    assert json.loads(row["labels"]) == ODD
    with_mark = await client.get("/v1/export/records", params={"bom": "true"})
    assert with_mark.content.startswith(b"\xef\xbb\xbfid,")


async def test_a_format_that_is_not_installed_is_named(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tonewatch.storage.exporting._parquet", None)
    answer = await client.get("/v1/export/alerts", params={"format": "parquet"})
    assert answer.status_code == 400
    assert "tonewatch-storage[parquet]" in answer.json()["detail"]


async def test_memory_stays_flat_however_long_the_file(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts rows in memory: what was read and not yet sent must be one page, of any export."""
    monkeypatch.setattr(export, "PAGE_ROWS", 500)
    for first in range(0, 6000, 1000):
        await store.write(items([make_score(n) for n in range(first, first + 1000)]))
    for chosen in FORMATS:
        short = await _peak(database, chosen, to="2026-01-04T09:16:40Z")
        long = await _peak(database, chosen)
        assert long.bytes > 5 * short.bytes or chosen == "parquet"
        assert long.peak < 1.5 * short.peak, chosen


@dataclass
class _Sent:
    bytes: int
    peak: int


async def _peak(database: Database, chosen: str, **query: str) -> _Sent:
    """What an export sends, and the most memory that was in use while it did."""
    asked = export.RecordExport.model_validate({"format": chosen, **query})
    exported = export._Exported(
        export._table(EmotionRecord),
        RECORDS,
        lambda session: choose_records(session, asked),
    )
    gc.collect()
    tracemalloc.start()
    try:
        answer = await export._respond(database, exported, asked)
        sent = 0
        async for part in answer.body_iterator:
            sent += len(part)
        return _Sent(sent, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
