"""The running service: real Redis, a real file; outages, poison, and what others left."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.storage.conftest import MakeService
from tests.support.messages import make_alert, make_gap, make_score, make_session
from tests.support.running import running
from tests.support.stored import outgoing, sql
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import Message
from tonewatch.shared.streams import DEAD, SCORES
from tonewatch.storage import committing, writer

COUNT = "SELECT COUNT(*) FROM emotion_records"


async def _publish(broker: RedisBroker, messages: Iterable[Message]) -> None:
    await broker.publish([outgoing(message) for message in messages])


async def _settled(broker: RedisBroker) -> bool:
    for stream in writer.STREAMS:
        for state in await broker.group_states(stream):
            if state.group == writer.GROUP and state.oldest_unsettled_ms is not None:
                return False
    return True


async def _dead(broker: RedisBroker) -> list[str]:
    after = dict.fromkeys(range(broker.partitions), "0-0")
    letters = await broker.tail(DEAD, after, count=100, block=None)
    return [letter.entry.fields["dead_error"].decode() for letter in letters]


async def _ready(base: str) -> tuple[int, dict[str, Any]]:
    async with create_client(base_url=base) as client:
        answer = await client.get("/ready")
    checks: dict[str, Any] = answer.json()["checks"]
    return answer.status_code, checks["database"]


async def test_what_is_published_is_stored_and_acknowledged(
    broker: RedisBroker, make_service: MakeService, sqlite_path: Path
) -> None:
    calls = [f"call-{number}" for number in range(5)]
    await _publish(broker, [make_session(session_id=call) for call in calls])
    await _publish(broker, [make_score(s, session_id=call) for call in calls for s in range(40)])
    await _publish(broker, [make_alert(session_id="call-3"), make_gap(40, 41)])
    service = make_service(batch_rows=50)
    async with running(service) as base:
        await wait_until(lambda: _settled(broker))
        assert await _ready(base) == (200, {"ok": True, "detail": "sqlite answers"})
        async with create_client(base_url=base) as client:
            metrics = (await client.get("/metrics")).text
    assert sql(sqlite_path, COUNT) == [(200,)]
    assert sql(sqlite_path, "SELECT COUNT(*) FROM sessions") == [(5,)]
    marked = "SELECT session_id, seq FROM emotion_records WHERE alert_triggered=1 ORDER BY seq"
    assert sql(sqlite_path, marked) == [("call-3", 3), ("call-3", 4)]
    assert 'tonewatch_records_written_total{table="emotion_records"} 200.0' in metrics
    assert 'tonewatch_records_written_total{table="gaps"} 1.0' in metrics
    assert "tonewatch_frame_to_stored_seconds_count 200.0" in metrics
    assert "tonewatch_write_batch_rows_sum" in metrics


async def test_malformed_and_refused_messages_become_dead_letters_and_the_rest_are_stored(
    broker: RedisBroker, make_service: MakeService, sqlite_path: Path
) -> None:
    good = [outgoing(make_score(seq)) for seq in range(30)]
    refused = make_score(1).model_copy(update={"seq": 2**70})
    matrix = outgoing(make_score(30, steps=2), steps=b"\0" * 35)
    await broker.publish([*good[:10], outgoing(refused), *good[10:20], matrix, *good[20:]])
    await broker._client.xadd(SCORES.key(1), {"h": b'{"type":"score","v":1}'})
    await broker._client.xadd(SCORES.key(2), {"nonsense": b"\xff"})
    async with running(make_service()):
        await wait_until(lambda: _settled(broker))
    assert sql(sqlite_path, COUNT) == [(30,)]
    errors = sorted(await _dead(broker))
    assert len(errors) == 4
    assert any("the database refuses the row" in error for error in errors)
    assert any("35 bytes; 2 rows" in error for error in errors)
    assert any("session_id" in error for error in errors)


async def test_a_locked_file_is_shown_and_waited_for_while_the_rest_answers(
    broker: RedisBroker,
    make_service: MakeService,
    sqlite_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committing, "SLOW_SECONDS", 0.2)
    async with running(make_service()) as base:

        async def prepared() -> bool:
            return (await _ready(base))[0] == 200

        await wait_until(prepared)  # its schema, too: there is nothing to read before
        with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await _publish(broker, [make_score(seq) for seq in range(7)])

            async def shown() -> bool:
                return (await _ready(base))[0] == 503

            await wait_until(shown)
            assert "a write has waited" in (await _ready(base))[1]["detail"]
            async with create_client(base_url=base, timeout=timedelta(seconds=4)) as client:
                assert (await client.get("/health")).status_code == 200
                assert (await client.get("/v1/records")).json()["items"] == []
            other.execute("ROLLBACK")
        await wait_until(lambda: _settled(broker))
        assert (await _ready(base))[0] == 200
    assert sql(sqlite_path, COUNT) == [(7,)]


async def test_what_a_killed_predecessor_held_is_taken_up_at_once(
    broker: RedisBroker, make_service: MakeService, sqlite_path: Path
) -> None:
    service = make_service(claim_idle_seconds=3600)
    await _publish(broker, [make_score(seq) for seq in range(100)])
    held = await broker.read([SCORES], writer.GROUP, service.writer._consumer, count=1000)
    assert len(held) == 100
    async with running(service):
        await wait_until(lambda: _settled(broker))
    assert sql(sqlite_path, COUNT) == [(100,)]


async def test_what_another_host_left_is_claimed(
    broker: RedisBroker, make_service: MakeService, sqlite_path: Path
) -> None:
    await _publish(broker, [make_score(seq) for seq in range(100)])
    await broker.read([SCORES], writer.GROUP, "a host that burnt down", count=1000)
    async with running(make_service(claim_idle_seconds=0.05)):
        await wait_until(lambda: _settled(broker))
    assert sql(sqlite_path, COUNT) == [(100,)]


async def test_a_stopping_service_finishes_what_it_has_read(
    broker: RedisBroker, make_service: MakeService, sqlite_path: Path
) -> None:
    async with running(make_service()):
        await _publish(broker, [make_score(seq) for seq in range(200)])
        await asyncio.sleep(0)
    states = [s for s in await broker.group_states(SCORES) if s.group == writer.GROUP]
    assert sum(state.pending for state in states) == 0


async def test_a_database_that_cannot_be_opened_is_named_in_ready(
    make_service: MakeService, tmp_path: Path
) -> None:
    folder = tmp_path / "tonewatch.db"
    folder.mkdir()
    async with running(make_service()) as base:
        status, check = await _ready(base)
        assert status == 503
        assert "unable to open database file" in check["detail"]
        async with create_client(base_url=base) as client:
            answer = await client.get("/v1/records")
        assert answer.status_code == 503
        assert answer.json()["error"] == "DatabaseUnavailableError"
        folder.rmdir()
        assert (await _ready(base))[0] == 200
