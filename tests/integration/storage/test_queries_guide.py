"""Every example of the guide to queries is run, on SQLite and PostgreSQL; both languages agree."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from sqlalchemy import text

from tests.support.forwarded import forwarded
from tests.support.messages import make_alert, make_gap, make_score, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.database import Database
from tonewatch.storage.models import EvidenceClip
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

DOCS = Path(__file__).parents[3] / "docs"
ENGLISH = (DOCS / "queries.md").read_text("utf-8")
CHINESE = (DOCS / "queries.zh-CN.md").read_text("utf-8")
BLOCK: Final = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
CURLS = [code for kind, code in BLOCK.findall(ENGLISH) if code.startswith("curl")]
QUERIES = [
    code for kind, code in BLOCK.findall(ENGLISH) if kind == "sql" and code.startswith("SELECT")
]
CONSOLE: Final = "http://localhost:7860"
KEY: Final = "Authorization: Bearer $TONEWATCH_KEY"
NOON = datetime(2026, 1, 4, 4, 0, tzinfo=UTC)  # in Shanghai
LABELS = {"agent_id": "1042", "queue": "vip", "customer_tier": "gold"}


@pytest.fixture
async def calls(store: Store, database: Database, tmp_path: Path) -> None:
    """A VIP's call with an alert, an utterance with an embedding, and a gap."""
    both: dict[str, Any] = {"labels": LABELS, "speaker": Speaker.CUSTOMER}
    messages: list[Any] = [make_session(at=NOON, labels=LABELS)]
    for seq in range(8):
        emotion = "angry" if seq < 5 else "sad"
        at = NOON + timedelta(seconds=seq)
        messages.append(make_score(seq, emotion, 0.85, captured_at=at, **both))
    for session_id in ("call-1", "call-2"):
        path = Path("embeddings") / session_id / "customer-0.npy"
        (tmp_path / path).parent.mkdir(parents=True)
        np.save(tmp_path / path, np.array([0.1, 0.9], np.float16))
        messages.append(
            make_score(
                0,
                "angry",
                0.85,
                session_id=session_id,
                granularity=Granularity.UTTERANCE,
                captured_at=NOON,
                embedding_path=str(path),
                **both,
            )
        )
    messages.append(make_gap(8, 9, at=NOON, **both))
    messages.append(make_alert(started_at=NOON, message="客户要求退款", **both))
    await store.write(items(messages))
    await Rollups(database).catch_up()


def _request(command: str) -> dict[str, Any]:
    """What a curl command of the guide sends, as it reaches storage through the console."""
    words = shlex.split(command)
    assert KEY in words
    url = next(word for word in words if word.startswith(CONSOLE))
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    owner, path = forwarded(method, url.removeprefix(CONSOLE))
    assert owner == "storage"
    sent: dict[str, Any] = {"method": method, "url": path}
    if "-d" in words:
        sent["json"] = json.loads(words[words.index("-d") + 1])
    return sent


@pytest.mark.usefixtures("calls")
async def test_every_request_of_the_guide_finds_something(
    client: AsyncClient, database: Database, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    await _keep_a_clip(database, tmp_path)
    for command in CURLS:
        with subtests.test(command=command):
            answer = await client.request(**_request(command))
            assert answer.status_code == 200, answer.text
            assert answer.content
            if "items" in answer.text[:200]:
                assert answer.json()["items"], command


async def _keep_a_clip(database: Database, folder: Path) -> None:
    (folder / "clips").mkdir()
    (folder / "clips" / "a.flac").write_bytes(b"fLaC")
    values: dict[str, Any] = {"alert_id": "alert-1", "session_id": "call-1", "speaker": "customer"}
    values |= {"state": "kept", "first_seq": 0, "last_seq": 1, "seconds": 2.0, "detail": ""}
    values |= {"location": "a.flac", "size_bytes": 4, "created_at": NOON}
    async with database.write() as connection:
        await connection.execute(EvidenceClip.__table__.insert().values(**values))  # type: ignore[attr-defined]


@pytest.mark.usefixtures("calls")
async def test_every_query_of_the_guide_runs_on_both_databases(
    client: AsyncClient, database: Database, subtests: pytest.Subtests
) -> None:
    body = {"by": "qa-7", "verdict": "right"}
    await client.put("/v1/alerts/alert-1/verdict", json=body)
    for query, expected in zip(QUERIES, EXPECTED, strict=True):
        with subtests.test(query=query):
            async with database.read() as session:
                rows = (await session.execute(text(query))).all()
            assert rows
            first = [None if value is None else str(value) for value in rows[0]]
            assert expected <= set(first), rows


EXPECTED: list[set[str]] = [
    {"call-1", "customer", "angry", "0.85"},
    {"5", "3", "0"},
    {"1042", "5", "0.625"},
    {"call-1", "line 1"},
    {"angry", "high", "call-1", "2", "right"},
    {"0"},
    {"call-1", "customer", "5", "0.85"},
    {"overload", "2"},
    {"angry", "1", "0"},
    {"04", "5", "8"},
    {"0", "0.85"},
    {"qa-7", "alert.verdict", "alert-1"},
]


def test_there_are_queries_to_run() -> None:
    assert len(QUERIES) == len(EXPECTED) >= 10
    assert len(CURLS) >= 15


def test_both_languages_show_the_same_examples() -> None:
    assert BLOCK.findall(CHINESE) == BLOCK.findall(ENGLISH)
    headings = re.compile(r"^(#+) ", re.MULTILINE)
    assert headings.findall(CHINESE) == headings.findall(ENGLISH)


def test_every_parameter_of_the_lists_is_in_the_guide() -> None:
    from tonewatch.storage.api import filters

    for name in ("RecordFilter", "SegmentListFilter", "UtteranceFilter", "SessionFilter"):
        for parameter, field in getattr(filters, name).model_fields.items():
            for text_ in (ENGLISH, CHINESE):
                shown = f"`{field.alias or parameter}"
                assert shown in text_, (name, parameter)
