"""Backtests and traces over what a real storage service has kept of real scores."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.integration.alerting.conftest import Starting
from tests.support.messages import START
from tests.support.past_calls import CALLS, MOODS, past_calls
from tests.support.wait import wait_until
from tonewatch.alerting.cli import add_commands
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient

ANGRY = {"name": "angry", "emotion": "angry", "threshold": 0.75, "duration_sec": 2.5}
SPAN = {"from": START.isoformat(), "to": (START + timedelta(days=1)).isoformat()}


@pytest.fixture
async def storage(broker: RedisBroker, tmp_path: Path) -> AsyncIterator[str]:
    async with past_calls(broker, tmp_path / "storage") as url:
        yield url


@pytest.fixture
async def client(alerting: Starting, storage: str, tmp_path: Path) -> AsyncIterator[AsyncClient]:
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"rules": [ANGRY]}))
    async with alerting(rules_file=file, storage_url=storage) as made:
        yield made


async def lines(client: AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.post("/v1/rules/backtest", json={**SPAN, **asked})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    told = [json.loads(line) for line in answer.text.splitlines()]
    # where it takes long, how far it is stands between the alerts
    return [line for line in told[:-1] if "alert_id" in line] + told[-1:]


async def test_what_would_have_fired_is_what_did_fire(client: AsyncClient) -> None:
    *alerts, summary = await lines(client, names=["angry"])
    assert summary["complete"]
    assert (summary["sessions"], summary["tracks"]) == (CALLS, CALLS)
    assert summary["seconds"] == CALLS * len(MOODS)
    assert summary["by_rule"] == {"angry": CALLS}
    first = alerts[0]
    assert (first["first_seq"], first["last_seq"], first["speaker"]) == (1, 6, "customer")
    assert first["fired_at"] == "2026-01-04T09:00:03.500Z"
    assert first["value"] == pytest.approx(0.9, abs=1e-3)

    async def fired() -> set[str]:
        items = (await client.get("/v1/alerts")).json()["items"]
        return {item["alert_id"] for item in items}

    async def agree() -> bool:
        return await fired() == {each["alert_id"] for each in alerts}

    await wait_until(agree)


async def test_a_draft_is_tried_on_some_calls_without_being_in_force(client: AsyncClient) -> None:
    draft = ANGRY | {"name": "draft", "threshold": 0.85, "duration_sec": 1, "enabled": False}
    *alerts, summary = await lines(client, rule=draft, agent_id="1")
    assert [each["session_id"] for each in alerts] == ["call-1"]
    assert summary["alerts"] == 1
    assert len((await client.get("/v1/rules")).json()["items"]) == 1
    never = await lines(client, rule=draft | {"threshold": 0.95})
    assert never[-1]["by_rule"] == {"draft": 0}
    coarse = await lines(client, rule=draft, fine=False)
    assert coarse[-1]["alerts"] == CALLS
    (short,) = [
        each for each in await lines(client, rule=draft, most_sessions=1) if "sessions" in each
    ]
    assert not short["complete"]
    assert "after 1 sessions" in short["why_stopped"]


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"names": ["nobody"]}, 404, "no rule"),
        ({}, 422, "either"),
        ({"rule": ANGRY | {"emotion": "angri"}}, 422, "angry"),
        ({"rule": ANGRY | {"granularity": "utterance"}}, 400, "second by second"),
        (
            {"rule": {"name": "a", "no_data": {"kind": "stream_down", "longer_than_sec": 5}}},
            400,
            "by the clock",
        ),
    ],
)
async def test_what_cannot_be_run_is_refused(
    client: AsyncClient, asked: dict[str, Any], status: int, message: str
) -> None:
    answer = await client.post("/v1/rules/backtest", json=asked)
    assert answer.status_code == status
    assert message in answer.json()["detail"]


async def test_a_trace_says_why_it_did_not_fire(client: AsyncClient) -> None:
    async def trace(**asked: Any) -> dict[str, Any]:
        answer = await client.get("/v1/rules/angry/trace", params=asked)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    shown = await trace(session_id="call-2")
    seconds = shown["tracks"]["customer"]
    assert shown["applies"]
    assert [each["state"] for each in seconds][:4] == ["idle", "pending", "pending", "firing"]
    assert seconds[1]["reason"] == "not long enough yet: 1 of 2.5 s"
    assert seconds[3]["transitions"][0]["state"] == "firing"
    assert seconds[6]["value"] == pytest.approx(0.9, abs=1e-3)
    part = await trace(session_id="call-2", from_seq=3, limit=2)
    assert [each["seq"] for each in part["tracks"]["customer"]] == [3, 4]
    gone = await client.get("/v1/rules/angry/trace", params={"session_id": "nobody"})
    assert gone.status_code == 404
    other = await trace(session_id="call-2", speaker="agent")
    assert (other["applies"], other["tracks"]) == (False, {})
    made = ANGRY | {"name": "vip", "match": ["tier=vip"], "speaker": "agent"}
    await client.post("/v1/rules", json={"by": "li", "rule": made})
    answer = await client.get("/v1/rules/vip/trace", params={"session_id": "call-2"})
    assert answer.json()["why_not"] == [
        "the rule is for agent; the call has customer",
        'tier=vip does not match: tier is ""',
    ]


async def test_storage_that_is_away_is_told(
    alerting: Starting, free_port: Callable[[], int]
) -> None:
    async with alerting(storage_url=f"http://127.0.0.1:{free_port()}") as client:
        (line,) = await lines(client, names=["angry"])
        assert line["type"] == "error"
        assert "alerting.storage_url" in line["detail"]
        answer = await client.get("/v1/rules/angry/trace", params={"session_id": "a"})
        assert answer.status_code == 503


async def test_the_command_line_tells_how_often_and_where(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEWATCH_ALERTING__STORAGE_URL", storage)
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps({"rules": [ANGRY, ANGRY | {"name": "sad", "emotion": "sad"}]}))
    app = typer.Typer()
    add_commands(app)

    async def run(*arguments: str) -> Result:
        line = ["backtest", str(file), "--since", "1000w", *arguments]
        return await asyncio.to_thread(CliRunner().invoke, app, line)

    result = await run()
    assert result.exit_code == 0, result.output
    assert "call-0 customer at 0:01  value 0.9 (threshold 0.75)" in result.output
    assert f'"angry" would have fired {CALLS} times' in result.output
    assert '"sad" would have fired never' in result.output
    assert "angry" not in (await run("--rule", "sad", "--queue", "sales")).output
    away = await run("--storage-url", "http://127.0.0.1:9")
    assert isinstance(away.exception, UnavailableError)
