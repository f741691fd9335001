"""Whatever is asked, the answer is an answer: a sentence for what is wrong, and never a failure."""

import base64
import json
from itertools import product
from typing import Any

import pytest

from tests.support.asking import VIP, Json, get
from tests.support.messages import make_alert, make_score, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.storage.store import Store

INJECTIONS = ("' OR '1'='1", "'; DROP TABLE emotion_records; --", "%", "_", "\\", '"', "😀\n中文")
TEXTS = {
    "/v1/records": ("source_id", "agent_id", "queue", "session_id"),
    "/v1/segments": ("source_id", "agent_id", "queue", "session_id"),
    "/v1/utterances": ("agent_id", "session_id"),
    "/v1/sessions": ("source_id", "agent_id", "queue", "kind", "rule"),
    "/v1/alerts": ("source_id", "agent_id", "queue", "rule", "session_id"),
    "/v1/stats/emotions": ("agent_id", "queue", "source_id", "session_id"),
    "/v1/stats/alerts": ("rule", "queue"),
    "/v1/export/records": ("agent_id",),
}

BY_ID = (
    "/v1/sessions/{}",
    "/v1/sessions/{}/timeline",
    "/v1/sessions/{}/segments",
    "/v1/sessions/{}/similar",
    "/v1/alerts/{}",
    "/v1/alerts/{}/clip",
)
NO_VERDICTS: list[Json] = [
    {"by": "", "verdict": "right"},
    {"by": "x" * 300, "verdict": "right"},
    {"by": "a\0", "verdict": "right"},
    {"by": "a", "verdict": "wrong"},
    {"by": "a"},
    {"by": "a", "verdict": "right", "comment": "x" * 5000},
    {"by": "a", "verdict": "right", "comment": "a\0b"},
    {"by": "a", "verdict": "right", "more": 1},
]


def cursor(*values: Any) -> str:
    """A cursor as the service would write it."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


WRONG: list[tuple[str, Json, str]] = [
    ("/v1/records", {"emotion": "furious"}, "angry"),
    ("/v1/records", {"emotoin": "sad"}, "emotoin"),
    ("/v1/records", {"tz": "Mars/Olympus"}, "there is no time zone 'Mars/Olympus'"),
    ("/v1/records", {"tz": "../../etc/passwd"}, "there is no time zone"),
    ("/v1/records", {"tz": "Asia"}, "there is no time zone"),
    ("/v1/records", {"tz": ""}, "there is no time zone"),
    ("/v1/records", {"from": "0001-01-01T00:00:00+14:00"}, "after the year 1970"),
    ("/v1/records", {"to": "9999-12-31T23:59:59-14:00"}, "before 3000"),
    ("/v1/records", {"from": "2026-01-05", "to": "2026-01-05"}, "`from` must be before `to`"),
    ("/v1/records", {"confidence_min": "0.9", "confidence_max": "0.8"}, "`confidence_min`"),
    ("/v1/records", {"confidence_min": "nan"}, "finite"),
    ("/v1/records", {"confidence_max": "1.1"}, "less than or equal to 1"),
    ("/v1/records", {"agent_id": "a\0b"}, "NUL"),
    ("/v1/records", {"label": "a:b\0"}, "NUL"),
    ("/v1/records", {"label": "a:" + "x" * 10_000}, "at most 400"),
    ("/v1/records", {"label": [f"a{n}:b" for n in range(9)]}, "at most 8"),
    ("/v1/records", {"agent_id": "x" * 10_000}, "at most 256"),
    ("/v1/records", {"sort": "id; DROP TABLE x"}, "'time'"),
    ("/v1/records", {"cursor": "x" * 5000}, "at most 4096"),
    ("/v1/records", {"cursor": cursor("time", "asc", "2026-01-04T09:00:00Z", 1)}, "order=asc"),
    ("/v1/records", {"cursor": cursor("time", "desc", "2026-01-04T09:00:00Z", 2**70)}, "unchanged"),
    (
        "/v1/records",
        {"cursor": cursor("time", "desc", "0001-01-01T00:00:00+14:00", 1)},
        "unchanged",
    ),
    ("/v1/records", {"cursor": cursor("time", "desc", "2026-01-04T09:00:00Z", True)}, "unchanged"),
    ("/v1/records", {"cursor": cursor("time", "desc", 5, 1)}, "unchanged"),
    ("/v1/records", {"cursor": cursor("time", "desc", "2026-01-04T09:00:00Z")}, "unchanged"),
    ("/v1/records", {"cursor": cursor(*"[" * 400)}, "unchanged"),
    ("/v1/segments", {"sort": "peak", "cursor": cursor("time", "desc", 1)}, "unchanged"),
    (
        "/v1/segments",
        {"sort": "peak", "cursor": cursor("peak", "desc", float("nan"), "a", "b", 1)},
        "unchanged",
    ),
    ("/v1/segments", {"seconds_min": "0"}, "greater than or equal to 1"),
    ("/v1/alerts", {"value_min": "inf"}, "finite"),
    ("/v1/alerts", {"verdict": "perhaps"}, "'needs_coaching'"),
    ("/v1/alerts", {"cursor": cursor("time", "desc", "2026-01-04T09:00:00Z", "a\0")}, "unchanged"),
    ("/v1/sessions/call-1/timeline", {"points": "1"}, "greater than or equal to 2"),
    ("/v1/sessions/call-1/timeline", {"points": "9", "steps": "true"}, "leave out steps"),
    ("/v1/sessions/call-1/timeline", {"to_seq": "9"}, "needs points"),
    ("/v1/sessions/call-1/timeline", {"cursor": "1.nobody"}, "unchanged"),
    (
        "/v1/sessions/call-1/timeline",
        {"points": "9", "from_seq": "9", "to_seq": "8"},
        "must not be after",
    ),
    ("/v1/stats/trend", {"by": "minute"}, "'hour'"),
    ("/v1/search", {"q": "   "}, "one to eight words"),
    ("/v1/search", {}, "Field required"),
    ("/v1/search", {"q": "a", "kind": "record"}, "'session'"),
    ("/v1/export/records", {"format": "xlsx"}, "'parquet'"),
    ("/v1/export/records", {"limit": "5"}, "limit"),
]


async def test_a_wrong_question_is_refused_with_a_sentence(
    client: AsyncClient, store: Store, subtests: pytest.Subtests
) -> None:
    await store.write(items([make_session()]))
    for path, query, reason in WRONG:
        with subtests.test(path=path, query=query):
            answer = await client.get(path, params=query)
            assert answer.status_code in (400, 422), answer.text
            assert reason in answer.json()["detail"]


async def test_text_is_text_whatever_it_looks_like(
    client: AsyncClient, store: Store, subtests: pytest.Subtests
) -> None:
    await store.write(items([make_score(0, labels=VIP), make_alert(labels=VIP)]))
    for text in INJECTIONS:
        with subtests.test(text=text):
            await _finds_nothing(client, text)
            assert len((await get(client, "/v1/records"))["items"]) == 1


async def _finds_nothing(client: AsyncClient, text: str) -> None:
    for path, names in TEXTS.items():
        for query in (*({name: text} for name in names), {"label": f"customer_tier:{text}"}):
            answer = await client.get(path, params=query)
            assert answer.status_code == 200, (path, query, answer.text)
            if "items" in answer.text:
                assert answer.json()["items"] == [], (path, query)
    assert (await get(client, "/v1/search", q=text))["items"] == []


async def test_labels_are_stored_and_found_whatever_is_in_them(
    client: AsyncClient, store: Store, subtests: pytest.Subtests
) -> None:
    for number, text in enumerate([*INJECTIONS, "x" * 200]):
        with subtests.test(text=text):
            labels = {"agent_id": text, "名字": text}
            await store.write(items([make_score(0, session_id=f"call-{number}", labels=labels)]))
            for query in ({"agent_id": text}, {"label": f"名字:{text}"}):
                (found,) = (await get(client, "/v1/records", **query))["items"]
                assert found["labels"]["名字"] == text


async def test_an_id_that_is_none_is_refused(
    client: AsyncClient, subtests: pytest.Subtests
) -> None:
    for path, key in product(BY_ID, ("nobody", "%00", "'%20OR%201=1", "x" * 300, "%F0%9F%98%80")):
        with subtests.test(path=path, key=key):
            answer = await client.get(path.format(key))
            assert answer.status_code in (404, 422), answer.text
            assert answer.json()["detail"]


async def test_a_verdict_that_is_none_is_refused(
    client: AsyncClient, store: Store, subtests: pytest.Subtests
) -> None:
    await store.write(items([make_alert()]))
    for body in NO_VERDICTS:
        with subtests.test(body=body):
            answer = await client.put("/v1/alerts/alert-1/verdict", json=body)
            assert answer.status_code == 422, answer.text
