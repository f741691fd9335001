"""The query API over stored rows, on SQLite and PostgreSQL."""

import struct
from datetime import timedelta

import pytest

from tests.support.asking import VIP, Json, all_pages, get
from tests.support.messages import START, make_alert, make_gap, make_score, make_session
from tests.support.stored import item, items
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import AlertState, Granularity, SessionState, Speaker
from tonewatch.storage.store import Store


async def test_a_record_has_the_published_form(client: AsyncClient, store: Store) -> None:
    await store.write(items([make_score(3, "angry", labels=VIP, embedding_path="e/3.npy")]))
    (record,) = (await get(client, "/v1/records"))["items"]
    probabilities = record.pop("probabilities")
    assert list(probabilities) == [str(emotion) for emotion in EMOTIONS]
    assert probabilities["angry"] == 0.9
    assert isinstance(record.pop("id"), int)
    assert record.pop("stored_at").endswith("Z")
    assert record == {
        "timestamp": "2026-01-04T09:00:03.000Z",
        "audio_id": "call-1",
        "session_id": "call-1",
        "source_id": "source-1",
        "speaker": "mixed",
        "seq": 3,
        "emotion": "angry",
        "confidence": 0.9,
        "granularity": "frame",
        "embedding_path": "e/3.npy",
        "alert_triggered": False,
        "labels": VIP,
        "start_ms": 3000,
        "end_ms": 4000,
        "speech": 1.0,
        "level_dbfs": -20.0,
        "window_seconds": 3.0,
        "engine": "fake",
        "model": "fake",
        "revision": "1",
        "published_at": "2026-01-04T09:00:04.000Z",
        "scored_at": "2026-01-04T09:00:04.200Z",
    }


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ({}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"order": "asc", "limit": 3}, [0, 1, 2]),
        ({"emotion": "angry"}, [4, 3]),
        ({"emotion": ["angry", "no_speech"]}, [9, 4, 3]),
        ({"alert_triggered": "true"}, [4, 3]),
        ({"from_": "2026-01-04T09:00:07Z"}, [9, 8, 7]),
        ({"from_": "2026-01-04T09:00:01Z", "to": "2026-01-04T09:00:03Z"}, [2, 1]),
        ({"agent_id": "a7"}, [9, 8]),
        ({"label": "customer_tier:vip"}, [9, 8]),
        ({"label": ["customer_tier:vip", "queue:售后"], "emotion": "no_speech"}, [9]),
        ({"label": "customer_tier:gold"}, []),
        ({"session_id": "call-2"}, []),
        ({"granularity": "utterance"}, []),
        ({"speaker": "agent"}, []),
        ({"source_id": "source-1", "limit": 1}, [9]),
    ],
)
async def test_records_are_filtered(
    query: Json, seqs: list[int], client: AsyncClient, store: Store
) -> None:
    await store.write(
        items(
            [
                *(make_score(seq, "angry" if seq in (3, 4) else "sad") for seq in range(8)),
                make_score(8, "sad", session_id="vip", labels=VIP),
                make_score(9, "no_speech", session_id="vip", labels=VIP),
                make_alert(),
            ]
        )
    )
    found = (await get(client, "/v1/records", **query))["items"]
    assert [record["seq"] for record in found] == seqs


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_each_row_once_while_others_are_written(
    order: str, client: AsyncClient, store: Store
) -> None:
    # many rows share one moment: the second key must tell them apart
    same: Json = {"captured_at": START}
    await store.write(items([make_score(seq, **same) for seq in range(10)]))
    await store.write(items([make_score(seq) for seq in range(10, 20)]))
    first = await get(client, "/v1/records", order=order, limit=7)
    await store.write(
        items(
            [
                make_score(20, captured_at=START - timedelta(hours=1)),
                make_score(21, captured_at=START + timedelta(hours=1)),
                make_score(22, **same),
            ]
        )
    )
    cursor: str | None = first["next_cursor"]
    found = list(first["items"])
    while cursor:
        page = await get(client, "/v1/records", order=order, limit=7, cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
    old = [record["seq"] for record in found if record["seq"] < 20]
    assert len(found) == len({record["id"] for record in found})
    assert sorted(old) == list(range(20))
    times = [record["timestamp"] for record in found]
    assert times == sorted(times, reverse=order == "desc")


@pytest.mark.parametrize(
    ("path", "query", "status", "reason"),
    [
        ("/v1/records", {"emotion": "furious"}, 422, "angry"),
        ("/v1/records", {"limit": "5000"}, 422, "less than or equal to 1000"),
        ("/v1/records", {"emotoin": "sad"}, 422, "emotoin"),
        ("/v1/records", {"from": "noon"}, 422, "from"),
        ("/v1/records", {"label": "vip"}, 422, "name:value"),
        ("/v1/records", {"cursor": "xyz"}, 400, "next_cursor"),
        ("/v1/sessions", {"limit": "201"}, 422, "less than or equal to 200"),
        ("/v1/sessions", {"from": "2026-01-05", "to": "2026-01-04"}, 422, "must be before"),
        ("/v1/sessions/nobody", {}, 404, "no session nobody"),
        ("/v1/sessions/nobody/timeline", {}, 404, "no session nobody"),
        ("/v1/alerts", {"priority": "urgent"}, 422, "critical"),
        ("/v1/alerts/nothing", {}, 404, "no alert nothing"),
        ("/v1/stats/emotions", {"cursor": "x"}, 422, "cursor"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_with_a_reason(
    path: str, query: Json, status: int, reason: str, client: AsyncClient
) -> None:
    answer = await client.get(path, params=query)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]


async def test_a_session_is_complete_when_each_second_of_each_track_is_accounted_for(
    client: AsyncClient, store: Store
) -> None:
    both = (Speaker.CUSTOMER, Speaker.AGENT)
    end: Json = {"at": START + timedelta(seconds=10), "frames": 10}

    async def look() -> Json:
        return await get(client, "/v1/sessions/call-1")

    await store.write(items([make_session(speakers=both, labels=VIP)]))
    before = await look()
    assert (before["state"], before["scored"], before["complete"]) == ("started", 0, False)
    assert (before["emotion"], before["probabilities"]) == (None, None)
    await store.write(items([make_score(seq, speaker=both[0]) for seq in range(10)]))
    await store.write(items([make_score(seq, speaker=both[1]) for seq in range(6)]))
    await store.write(items([make_gap(5, 7, speaker=both[1]), make_gap(7, 8, speaker=both[1])]))
    assert not (await look())["complete"]  # it goes on
    await store.write(items([make_session(SessionState.ENDED, speakers=both, **end)]))
    almost = await look()
    assert (almost["scored"], almost["gaps"], almost["complete"]) == (16, 3, False)
    await store.write(items([make_score(9, "no_speech", speaker=both[1])]))
    whole = await look()
    assert (whole["scored"], whole["gaps"], whole["complete"]) == (17, 3, True)
    assert (whole["duration_seconds"], whole["ended_at"]) == (10, "2026-01-04T09:00:10.000Z")
    assert (whole["name"], whole["kind"], whole["labels"]) == ("line 1", "pull", VIP)


async def test_a_session_s_summary_is_the_mean_over_seconds_with_speech(
    client: AsyncClient, store: Store
) -> None:
    await store.write(
        items(
            [
                make_score(0, "angry", 0.8),
                make_score(1, "sad", 0.6),
                make_score(2, "no_speech"),
                make_score(0, "happy", granularity="utterance"),
                make_score(0, "no_speech", session_id="quiet"),
                make_alert(),
            ]
        )
    )
    found = await get(client, "/v1/sessions/call-1")
    assert found["emotion"] == "angry"
    assert found["confidence"] == pytest.approx((0.8 + 0.4 / 8) / 2)
    assert found["probabilities"]["sad"] == pytest.approx((0.6 + 0.2 / 8) / 2)
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert (found["scored"], found["speech_seconds"], found["alerts"]) == (3, 2, 1)
    assert found["duration_seconds"] == 3
    quiet = await get(client, "/v1/sessions/quiet")
    assert (quiet["emotion"], quiet["confidence"], quiet["probabilities"]) == ("no_speech", 0, None)


async def test_sessions_are_listed_newest_first_and_filtered(
    client: AsyncClient, store: Store
) -> None:
    for number in range(7):
        at = START + timedelta(minutes=number // 2)
        labels = VIP if number == 3 else {}
        name = f"call-{number}"
        await store.write(items([make_session(session_id=name, at=at, labels=labels)]))
    await store.write(items([make_session(SessionState.ENDED, session_id="call-5", frames=0)]))
    pages = await all_pages(client, "/v1/sessions", limit=2)
    assert [found["session_id"] for found in pages] == [f"call-{n}" for n in reversed(range(7))]
    for query, expected in (
        ({"state": "ended"}, ["call-5"]),
        ({"agent_id": "a7"}, ["call-3"]),
        ({"label": "queue:售后"}, ["call-3"]),
        ({"from_": "2026-01-04T09:03:00Z"}, ["call-6"]),
        ({"kind": "rtmp"}, []),
    ):
        found = (await get(client, "/v1/sessions", **query))["items"]
        assert [session["session_id"] for session in found] == expected


async def test_a_timeline_runs_in_order_with_gaps_alerts_and_matrices(
    client: AsyncClient, store: Store
) -> None:
    both = (Speaker.CUSTOMER, Speaker.AGENT)
    scores = [make_score(seq, "angry", speaker=who) for seq in range(3, 8) for who in both]
    await store.write(items([*scores, make_alert(speaker=both[0]), make_gap(8, 9)]))
    matrix = struct.pack("<9f", *[0.25] * 9)
    await store.write([item(make_score(9, speaker=both[0], steps=1), steps=matrix)])
    path = "/v1/sessions/call-1/timeline"
    whole = await get(client, path)
    places = [(found["seq"], found["speaker"]) for found in whole["items"]]
    assert places == [
        *[(s, w) for s in range(3, 8) for w in ("agent", "customer")],
        (9, "customer"),
    ]
    marked = [f["seq"] for f in whole["items"] if f["alert_triggered"]]
    assert marked == [3, 4]
    assert whole["items"][0]["steps"] is None
    assert [(gap["first_seq"], gap["reason"]) for gap in whole["gaps"]] == [(8, "overload")]
    assert [alert["alert_id"] for alert in whole["alerts"]] == ["alert-1"]
    assert await all_pages(client, path, limit=3) == whole["items"]
    late = await get(client, path, from_seq=9, steps="true", speaker="customer")
    assert late["items"][0]["steps"] == [[0.25] * 9]
    assert len(late["items"]) == 1


async def test_alerts_are_listed_filtered_and_shown_with_their_history(
    client: AsyncClient, store: Store
) -> None:
    await store.write(
        items(
            [
                make_alert(),
                make_alert(AlertState.RESOLVED, last_seq=7, at=START + timedelta(seconds=9)),
                make_alert(
                    session_id="call-2",
                    alert_id="alert-2",
                    rule="VIP客户恐惧告警",
                    labels=VIP,
                    started_at=START + timedelta(hours=1),
                ),
            ]
        )
    )
    everything = await all_pages(client, "/v1/alerts", limit=1)
    assert [alert["alert_id"] for alert in everything] == ["alert-2", "alert-1"]
    for query, expected in (
        ({"rule": "VIP客户恐惧告警"}, ["alert-2"]),
        ({"state": "resolved"}, ["alert-1"]),
        ({"priority": "high", "session_id": "call-1"}, ["alert-1"]),
        ({"agent_id": "a7"}, ["alert-2"]),
        ({"to": "2026-01-04T09:30:00Z"}, ["alert-1"]),
        ({"priority": "low"}, []),
    ):
        found = (await get(client, "/v1/alerts", **query))["items"]
        assert [alert["alert_id"] for alert in found] == expected
    one = await get(client, "/v1/alerts/alert-1")
    assert [change["state"] for change in one["transitions"]] == ["firing", "resolved"]
    assert (one["state"], one["first_seq"], one["last_seq"]) == ("resolved", 3, 7)
    assert (one["fired_at"], one["resolved_at"]) == (
        "2026-01-04T09:00:05.000Z",
        "2026-01-04T09:00:09.000Z",
    )


def _matrix(*emotions: str) -> bytes:
    """A step for each name, with 0.9 for it."""
    rows = [[0.9 if label == name else 0.0125 for label in EMOTIONS] for name in emotions]
    return struct.pack(f"<{9 * len(rows)}f", *[value for row in rows for value in row])


async def test_segments_join_the_steps_of_seconds_across_their_borders(
    client: AsyncClient, store: Store
) -> None:
    seconds = [
        ["neutral"] * 10,
        ["neutral"] * 2 + ["fearful"] * 3 + ["angry"] + ["fearful"] * 4,
        ["fearful"] * 5,
    ]
    await store.write(items([make_session()]))
    for seq, names in enumerate(seconds):
        score = make_score(seq, steps=len(names), end_ms=1000 * seq + 100 * len(names))
        await store.write([item(score, steps=_matrix(*names))])
    await store.write(items([make_score(4, "no_speech")]))
    body = await get(client, "/v1/sessions/call-1/segments")
    assert [(s["start_seconds"], s["end_seconds"], s["emotion"]) for s in body["items"]] == [
        (0.0, 1.2, "neutral"),
        (1.2, 2.5, "fearful"),
    ]
    assert body["items"][0]["confidence"] == pytest.approx(0.9, abs=1e-3)
    assert body["next_seq"] is None
    first = await get(client, "/v1/sessions/call-1/segments", limit=1)
    assert [s["end_seconds"] for s in first["items"]] == [1.0]
    assert first["next_seq"] == 1
    rest = await get(client, "/v1/sessions/call-1/segments", from_seq=2, speaker="mixed")
    assert [s["start_seconds"] for s in rest["items"]] == [2.0]
    assert (await client.get("/v1/sessions/none/segments")).status_code == 404


async def test_utterances_are_records_and_count_as_no_seconds(
    client: AsyncClient, store: Store
) -> None:
    spoken = make_score(
        0,
        "sad",
        granularity=Granularity.UTTERANCE,
        start_ms=120,
        end_ms=2_780,
        embedding_path="embeddings/call-1/mixed-0.npy",
    )
    await store.write(
        items([make_session(), *(make_score(seq) for seq in range(3)), spoken, spoken])
    )
    found = (await get(client, "/v1/records", granularity="utterance"))["items"]
    assert [(r["seq"], r["start_ms"], r["end_ms"], r["emotion"]) for r in found] == [
        (0, 120, 2_780, "sad")
    ]
    assert found[0]["embedding_path"] == "embeddings/call-1/mixed-0.npy"
    assert (await get(client, "/v1/sessions/call-1"))["scored"] == 3
    assert len((await get(client, "/v1/sessions/call-1/timeline"))["items"]) == 3
