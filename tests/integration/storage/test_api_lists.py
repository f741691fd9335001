"""Lists of what was heard, narrowed and sorted, on SQLite and PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.asking import VIP, Json, all_pages, get
from tests.support.messages import START, make_alert, make_score, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import AlertAction, AlertSubject, Granularity, Speaker
from tonewatch.storage.api import conditions
from tonewatch.storage.database import Database
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store


@pytest.fixture
async def heard(store: Store, database: Database) -> None:
    """A plain call, angry and then sad; one of a VIP, fearful, with two utterances."""
    plain = [
        make_score(seq, "angry" if seq < 4 else "sad", 0.5 + seq / 100, labels={"agent_id": "a1"})
        for seq in range(9)
    ]
    vip: list[Any] = [
        make_score(
            seq,
            "fearful",
            0.9 - seq / 100,
            session_id="vip",
            speaker=Speaker.CUSTOMER,
            captured_at=START + timedelta(hours=1, seconds=seq),
            labels=VIP,
        )
        for seq in range(3)
    ]
    vip += [
        make_score(
            number,
            emotion,
            probability,
            session_id="vip",
            granularity=Granularity.UTTERANCE,
            captured_at=START + timedelta(hours=1, seconds=number),
            labels=VIP,
        )
        for number, emotion, probability in ((0, "fearful", 0.7), (1, "sad", 0.8))
    ]
    await store.write(items([*plain, *vip]))
    await Rollups(database).catch_up()


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ({"emotion": ["angry", "fearful"], "granularity": "frame"}, [2, 1, 0, 3, 2, 1, 0]),
        ({"emotion": ["sad", "angry"], "order": "asc", "limit": 5}, [0, 1, 2, 3, 4]),
        ({"confidence_min": 0.89}, [1, 0]),
        ({"confidence_min": 0.5, "confidence_max": 0.51}, [1, 0]),
        ({"queue": "售后", "granularity": "frame"}, [2, 1, 0]),
        ({"queue": "none"}, []),
        ({"label": "customer_tier:vip", "emotion": ["sad", "angry"]}, [1]),
        (
            {"from_": "2026-01-04T18:00:00", "tz": "Asia/Shanghai", "emotion": "fearful"},
            [2, 1, 0, 0],
        ),
        ({"to": "2026-01-04T17:00:02", "tz": "Asia/Shanghai"}, [1, 0]),
        ({"to": "2026-01-04T17:00:02Z", "tz": "Asia/Shanghai", "emotion": "angry"}, [3, 2, 1, 0]),
    ],
)
async def test_records_by_emotion_confidence_queue_and_zone(
    query: Json, seqs: list[int], client: AsyncClient
) -> None:
    found = (await get(client, "/v1/records", **query))["items"]
    assert sorted(r["seq"] for r in found) == sorted(seqs)
    if "emotion" not in query or "label" not in query:
        times = [record["timestamp"] for record in found]
        assert times == sorted(times, reverse=query.get("order") != "asc")


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("few", [0, 64])
async def test_labels_pick_the_same_records_however_many_sessions_have_them(
    few: int, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "FEW_SESSIONS", few)
    query: Json = {"label": "customer_tier:vip", "granularity": "frame"}
    pages = await all_pages(client, "/v1/records", limit=2, **query)
    assert [record["seq"] for record in pages] == [2, 1, 0]


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [("fearful", 3), ("sad", 5), ("angry", 4)]),
        ({"order": "asc"}, [("angry", 4), ("sad", 5), ("fearful", 3)]),
        ({"sort": "peak"}, [("fearful", 3), ("sad", 5), ("angry", 4)]),
        ({"sort": "peak", "emotion": ["angry", "sad"], "order": "asc"}, [("angry", 4), ("sad", 5)]),
        ({"seconds_min": 4}, [("sad", 5), ("angry", 4)]),
        ({"confidence_min": 0.6}, [("fearful", 3)]),
        ({"agent_id": "a1", "emotion": "sad"}, [("sad", 5)]),
        ({"label": "customer_tier:vip", "speaker": "customer"}, [("fearful", 3)]),
        ({"session_id": "call-1", "to": "2026-01-04T09:00:02Z"}, [("angry", 4)]),
    ],
)
async def test_segments_are_listed(
    query: Json, expected: list[tuple[str, int]], client: AsyncClient
) -> None:
    found = await all_pages(client, "/v1/segments", limit=1, **query)
    assert [(segment["emotion"], segment["seconds"]) for segment in found] == expected
    whole = (await get(client, "/v1/segments", **query))["items"]
    assert whole == found


@pytest.mark.usefixtures("heard")
async def test_a_segment_tells_its_mean_and_its_peak(client: AsyncClient) -> None:
    (angry,) = (await get(client, "/v1/segments", emotion="angry"))["items"]
    assert angry["confidence"] == pytest.approx(0.515)
    assert angry["peak"] == pytest.approx(0.53)
    assert (angry["first_seq"], angry["last_seq"], angry["end_ms"]) == (0, 3, 4000)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [1, 0]),
        ({"sort": "confidence", "order": "asc"}, [0, 1]),
        ({"emotion": "sad"}, [1]),
        ({"confidence_max": 0.75}, [0]),
        ({"queue": "售后"}, [1, 0]),
        ({"agent_id": "a1"}, []),
    ],
)
async def test_utterances_are_listed(query: Json, numbers: list[int], client: AsyncClient) -> None:
    found = await all_pages(client, "/v1/utterances", limit=1, **query)
    assert [utterance["number"] for utterance in found] == numbers


async def test_sessions_are_found_by_their_alerts_and_sorted_by_name(
    client: AsyncClient, store: Store
) -> None:
    names = {"s1": "乙线", "s2": "甲线", "s3": "a line"}
    await store.write(
        items(
            [
                *(make_session(session_id=key, name=name) for key, name in names.items()),
                make_alert(session_id="s2", rule="long silence"),
            ]
        )
    )
    for query, expected in (
        ({"alerted": "true"}, {"s2"}),
        ({"alerted": "false"}, {"s1", "s3"}),
        ({"rule": "long silence"}, {"s2"}),
        ({"rule": "angry"}, set()),
    ):
        found = (await get(client, "/v1/sessions", **query))["items"]
        assert {session["session_id"] for session in found} == expected
    pages = await all_pages(client, "/v1/sessions", sort="name", order="asc", limit=1)
    assert pages[0]["name"] == "a line"
    assert len(pages) == 3


async def test_alerts_by_value_subject_action_emotion_and_verdict(
    client: AsyncClient, store: Store
) -> None:
    await store.write(
        items(
            [
                make_alert(alert_id="a", value=0.7, emotions=("angry", "sad")),
                make_alert(alert_id="b", value=0.9, action=AlertAction.REVIEW),
                make_alert(alert_id="c", value=0.8, subject=AlertSubject.STREAM, emotions=()),
            ]
        )
    )
    judged = await client.put(
        "/v1/alerts/b/verdict", json={"by": "王", "verdict": "false_alarm", "comment": "广播"}
    )
    assert judged.json()["verdict"] == "false_alarm"
    for query, expected in (
        ({"sort": "value"}, ["b", "c", "a"]),
        ({"sort": "value", "order": "asc"}, ["a", "c", "b"]),
        ({"value_min": 0.75, "value_max": 0.85}, ["c"]),
        ({"subject": "stream"}, ["c"]),
        ({"action": "review"}, ["b"]),
        ({"emotion": "sad"}, ["a"]),
        ({"emotion": ["sad", "angry"], "sort": "value"}, ["b", "a"]),
        ({"verdict": "false_alarm"}, ["b"]),
        ({"verdict": "none", "sort": "value"}, ["c", "a"]),
        ({"speaker": "customer"}, []),
    ):
        found = await all_pages(client, "/v1/alerts", limit=1, **query)
        assert [alert["alert_id"] for alert in found] == expected, query


async def test_the_newest_verdict_counts_and_can_be_taken_back(
    client: AsyncClient, store: Store, database: Database
) -> None:
    await store.write(items([make_alert(labels=VIP)]))

    async def judge(verdict: str | None) -> Json:
        body = {"by": "王", "verdict": verdict, "comment": "see call"}
        answer = await client.put("/v1/alerts/alert-1/verdict", json=body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def counted() -> tuple[int, ...]:
        (row,) = (await get(client, "/v1/stats/alerts"))["items"]
        return tuple(row[key] for key in ("right", "false_alarm", "needs_coaching", "judged"))

    assert await counted() == (0, 0, 0, 0)
    first = await judge("right")
    assert (first["verdict_by"], first["verdict_comment"]) == ("王", "see call")
    assert first["verdict_at"].endswith("Z")
    assert await counted() == (1, 0, 0, 1)
    await judge("right")
    assert await counted() == (1, 0, 0, 1)
    await judge("needs_coaching")
    assert await counted() == (0, 0, 1, 1)
    assert (await judge(None))["verdict_by"] is None
    assert await counted() == (0, 0, 0, 0)
    # a transition that comes later leaves the verdict alone
    await judge("right")
    await store.write(items([make_alert(labels=VIP, last_seq=9)]))
    assert (await get(client, "/v1/alerts/alert-1"))["verdict"] == "right"
    missing = await client.put("/v1/alerts/no/verdict", json={"by": "x", "verdict": "right"})
    assert missing.status_code == 404


async def test_a_timeline_comes_as_points(client: AsyncClient, store: Store) -> None:
    both = (Speaker.AGENT, Speaker.CUSTOMER)
    scores = [
        make_score(seq, "angry" if seq < 50 else "sad", speaker=who, level_dbfs=-20.0 - seq)
        for seq in range(100)
        for who in both
    ]
    quiet = [make_score(seq, "no_speech", speaker=both[0]) for seq in range(100, 120)]
    alert = make_alert(speaker=both[1], first_seq=3, last_seq=4)
    await store.write(items([*scores, *quiet, alert]))
    path = "/v1/sessions/call-1/timeline"
    body = await get(client, path, points=12)
    assert body["bucket_seconds"] == 10
    assert body["next_cursor"] is None
    assert len(body["items"]) == 22
    first, second = body["items"][:2]
    assert (first["speaker"], second["speaker"]) == ("agent", "customer")
    assert (first["seq"], first["seconds"], first["start_ms"], first["end_ms"]) == (0, 10, 0, 10000)
    assert (first["emotion"], first["confidence"]) == ("angry", pytest.approx(0.9))
    assert first["level_dbfs"] == pytest.approx(-24.5)
    assert (first["alert_triggered"], second["alert_triggered"]) == (False, True)
    last = body["items"][-1]
    assert (last["emotion"], last["probabilities"], last["speech"]) == ("no_speech", None, 0.0)
    part = await get(client, path, points=100, from_seq=45, to_seq=54, speaker="customer")
    assert [item["emotion"] for item in part["items"]] == ["angry"] * 5 + ["sad"] * 5
    assert part["bucket_seconds"] == 1
    mixed = await get(client, path, points=2, from_seq=45, to_seq=64, speaker="customer")
    assert [item["emotion"] for item in mixed["items"]] == ["angry", "sad"]
    assert mixed["items"][0]["probabilities"]["sad"] == pytest.approx(0.45625, abs=1e-4)
    await store.write(items([make_session(session_id="empty")]))
    empty = await get(client, "/v1/sessions/empty/timeline", points=10)
    assert empty["items"] == []


async def test_a_call_that_has_grown_since_its_sums_has_as_many_points_as_ever(
    client: AsyncClient, store: Store, database: Database
) -> None:
    path, scores = "/v1/sessions/call-1/timeline", [make_score(seq) for seq in range(100)]
    before = None
    for count, width in ((30, 3), (31, 4), (100, 10)):
        await store.write(items(scores[:count]))
        grown = await get(client, path, points=10)
        if before is None:
            await Rollups(database).catch_up()  # the sums know of the first thirty seconds
            before = grown
            assert await get(client, path, points=10) == before
        assert grown["bucket_seconds"] == width
        assert [item["seq"] for item in grown["items"]] == list(range(0, count, width))
        assert sum(item["seconds"] for item in grown["items"]) == count
    late = await get(client, path, points=10, from_seq=60)
    assert [item["seq"] for item in late["items"]] == list(range(60, 100, 4))


async def test_a_summary_holds_each_second_once_whatever_the_sums_hold_already(
    client: AsyncClient, store: Store, database: Database
) -> None:
    for count in (5, 9, 12):
        await store.write(items([make_score(seq, "angry", 0.8) for seq in range(count)]))
        for _ in range(2):
            found = await get(client, "/v1/sessions/call-1")
            assert (found["scored"], found["speech_seconds"]) == (count, count)
            assert found["probabilities"]["angry"] == pytest.approx(0.8)
            assert found["duration_seconds"] == count
            await Rollups(database).catch_up()
