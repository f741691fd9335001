"""Statistics: the same figures by hours and by sessions, in the reader's own time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.asking import VIP, Json, get
from tests.support.messages import make_alert, make_score, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import Speaker
from tonewatch.storage.database import Database
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

SUNDAY_EVENING = datetime(2026, 1, 4, 17, 30, tzinfo=UTC)  # Monday, half past one, in Shanghai


@pytest.fixture
async def counted(store: Store, database: Database) -> None:
    """A call of agent a1 on Sunday (UTC), one of a VIP with a7 two days later."""
    first: Json = {"labels": {"agent_id": "a1"}}
    second: Json = {"session_id": "vip", "labels": VIP, "speaker": Speaker.CUSTOMER}
    later = SUNDAY_EVENING + timedelta(days=2)
    messages: list[Any] = [make_session(at=SUNDAY_EVENING, labels={"agent_id": "a1"})]
    messages.append(make_session(session_id="vip", at=later, labels=VIP))
    for seq, emotion in enumerate(["angry", "angry", "sad", "no_speech"]):
        at = SUNDAY_EVENING + timedelta(seconds=seq)
        messages.append(make_score(seq, emotion, 0.8, captured_at=at, **first))
    for seq, emotion in enumerate(["sad", "sad", "sad", "angry", "happy"]):
        at = later + timedelta(seconds=seq)
        messages.append(make_score(seq, emotion, 0.8, captured_at=at, **second))
    messages += [
        make_alert(alert_id="1", started_at=SUNDAY_EVENING, **first),
        make_alert(alert_id="2", started_at=later, **second),
        make_alert(alert_id="3", started_at=later, rule="sad", **second),
    ]
    await store.write(items(messages))
    await Rollups(database).catch_up()


def _seconds(body: Json) -> dict[str, int]:
    return {item["emotion"]: item["seconds"] for item in body["items"]}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"sad": 4, "angry": 3, "happy": 1, "no_speech": 1}),
        ({"agent_id": "a1"}, {"angry": 2, "sad": 1, "no_speech": 1}),
        ({"queue": "售后"}, {"sad": 3, "angry": 1, "happy": 1}),
        ({"speaker": "customer"}, {"sad": 3, "angry": 1, "happy": 1}),
        ({"from_": "2026-01-05"}, {"sad": 3, "angry": 1, "happy": 1}),
        ({"to": "2026-01-05"}, {"angry": 2, "sad": 1, "no_speech": 1}),
        ({"to": "2026-01-05", "tz": "Asia/Shanghai"}, {}),
        ({"label": "customer_tier:vip"}, {"sad": 3, "angry": 1, "happy": 1}),
        ({"session_id": "call-1"}, {"angry": 2, "sad": 1, "no_speech": 1}),
        ({"source_id": "source-1", "from_": "2026-01-05"}, {"sad": 3, "angry": 1, "happy": 1}),
        ({"label": "customer_tier:gold"}, {}),
    ],
)
async def test_emotions_are_counted(
    query: Json, expected: dict[str, int], client: AsyncClient
) -> None:
    body = await get(client, "/v1/stats/emotions", **query)
    assert _seconds(body) == expected
    assert list(_seconds(body).values()) == sorted(expected.values(), reverse=True)
    assert body["total"] == sum(expected.values())
    assert body["speech_seconds"] == body["total"] - expected.get("no_speech", 0)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("query", [{"agent_id": "a1"}, {"session_id": "call-1"}])
async def test_shares_and_means_are_over_what_they_say(query: Json, client: AsyncClient) -> None:
    body = await get(client, "/v1/stats/emotions", **query)
    found = {item["emotion"]: item for item in body["items"]}
    assert found["angry"]["share"] == 0.5
    assert found["angry"]["mean_probability"] == pytest.approx((0.8 + 0.8 + 0.025) / 3)
    assert found["no_speech"]["mean_probability"] is None


@pytest.mark.usefixtures("counted")
async def test_what_is_counted_by_hours_says_which(client: AsyncClient) -> None:
    query: Json = {"from_": "2026-01-04T17:40:00Z", "to": "2026-01-04T18:10:00Z"}
    body = await get(client, "/v1/stats/emotions", **query)
    assert (body["covers_from"], body["covers_to"]) == (
        "2026-01-04T17:00:00.000Z",
        "2026-01-04T19:00:00.000Z",
    )
    assert body["total"] == 4
    exact = await get(client, "/v1/stats/emotions", **query, source_id="source-1")
    assert (exact["total"], exact["covers_from"]) == (0, "2026-01-04T17:40:00.000Z")


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("more", [{}, {"source_id": "source-1"}])
async def test_agents_are_ranked_by_an_emotion(more: Json, client: AsyncClient) -> None:
    body = await get(client, "/v1/stats/agents", **more)
    assert [
        (a["agent_id"], a["share"], a["speech_seconds"], a["alerts"]) for a in body["items"]
    ] == [("a1", pytest.approx(2 / 3), 3, 1), ("a7", 0.2, 5, 2)]
    by_sadness = await get(client, "/v1/stats/agents", emotion="sad", **more)
    assert [agent["agent_id"] for agent in by_sadness["items"]] == ["a7", "a1"]
    one = await get(client, "/v1/stats/agents", speech_seconds_min=4, **more)
    assert [agent["agent_id"] for agent in one["items"]] == ["a7"]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("more", [{}, {"source_id": "source-1"}])
async def test_a_week_is_drawn_in_local_time(more: Json, client: AsyncClient) -> None:
    def cell(body: Json, weekday: int, hour: int) -> Json:
        found: Json = body["items"][weekday * 24 + hour]
        assert (found["weekday"], found["hour"]) == (weekday, hour)
        return found

    utc = await get(client, "/v1/stats/heatmap", **more)
    assert len(utc["items"]) == 168
    assert cell(utc, 6, 17)["emotion_seconds"] == 2
    assert cell(utc, 6, 17)["share"] == pytest.approx(2 / 3)
    assert cell(utc, 0, 0)["share"] is None
    local = await get(client, "/v1/stats/heatmap", tz="Asia/Shanghai", **more)
    assert cell(local, 0, 1)["emotion_seconds"] == 2
    assert cell(local, 6, 17)["emotion_seconds"] == 0


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("more", [{}, {"source_id": "source-1"}])
async def test_a_trend_runs_by_local_days_and_weeks(more: Json, client: AsyncClient) -> None:
    days = await get(client, "/v1/stats/trend", tz="Asia/Shanghai", **more)
    assert [(p["start"], p["speech_seconds"], p["alerts"]) for p in days["items"]] == [
        ("2026-01-05T00:00:00+08:00", 3, 1),
        ("2026-01-07T00:00:00+08:00", 5, 2),
    ]
    assert days["items"][0]["emotions"] == {"angry": 2, "sad": 1, "no_speech": 1}
    weeks = await get(client, "/v1/stats/trend", by="week", **more)
    assert [(p["start"], p["seconds"]) for p in weeks["items"]] == [
        ("2025-12-29T00:00:00+00:00", 4),
        ("2026-01-05T00:00:00+00:00", 5),
    ]
    hours = await get(client, "/v1/stats/trend", by="hour", **more)
    assert hours["items"][0]["start"] == "2026-01-04T17:00:00+00:00"


@pytest.mark.usefixtures("counted")
async def test_too_many_points_are_refused(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.storage.api.stats._forms.MOST_POINTS", 1)
    answer = await client.get("/v1/stats/trend", params={"by": "hour"})
    assert answer.status_code == 400
    assert "narrow `from`" in answer.json()["detail"]


@pytest.mark.usefixtures("counted")
async def test_a_rule_is_as_precise_as_people_say(client: AsyncClient) -> None:
    for alert, verdict in (("1", "right"), ("2", "false_alarm")):
        await client.put(f"/v1/alerts/{alert}/verdict", json={"by": "q", "verdict": verdict})
    for query, angry in (
        ({}, (2, 0.5)),
        ({"agent_id": "a1"}, (1, 1.0)),
        ({"label": "customer_tier:vip"}, (1, 0.0)),
        ({"speaker": "customer"}, (1, 0.0)),
        ({"rule": "angry", "to": "2026-01-05"}, (1, 1.0)),
    ):
        rules = {i["rule"]: i for i in (await get(client, "/v1/stats/alerts", **query))["items"]}
        assert (rules["angry"]["alerts"], rules["angry"]["precision"]) == angry, query
    everything = await get(client, "/v1/stats/alerts")
    assert everything["total"] == 3
    assert everything["items"][1]["precision"] is None
