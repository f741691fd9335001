"""The writer's decisions, over the broker's twin in memory and a store that fails on demand."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.messages import make_alert, make_score, make_session
from tests.support.stored import outgoing
from tests.support.wait import wait_until
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.messages import Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import DEAD, SCORES
from tonewatch.storage.database import Database
from tonewatch.storage.disk import DiskWatch
from tonewatch.storage.errors import DatabaseFullError, DatabaseUnavailableError, RowRefusedError
from tonewatch.storage.incoming import Item
from tonewatch.storage.settings import StorageOptions
from tonewatch.storage.store import Store, Written
from tonewatch.storage.writer import GROUP, Writer


class FailingStore(Store):
    """Keeps scores in a list; refuses some, and is away for some calls."""

    def __init__(
        self, *, refused: frozenset[int] = frozenset(), away: int = 0, room: float = float("inf")
    ) -> None:
        super().__init__(Database("sqlite+aiosqlite://"))
        self.stored: list[int] = []
        self.others: list[str] = []
        self.matrices = 0
        self.room = room
        self.calls = 0
        self.refused = refused
        self.away = away

    async def write(self, items: Sequence[Item]) -> Written:
        self.calls += 1
        if self.away:
            self.away -= 1
            raise DatabaseUnavailableError("the database does not serve: database is locked")
        seqs = [item.message.seq for item in items if isinstance(item.message, Score)]
        if len(self.stored) + len(seqs) > self.room:
            raise DatabaseFullError("the database has no room: database or disk is full")
        if self.refused & set(seqs):
            raise RowRefusedError("the database refuses the row")
        self.stored += seqs
        self.matrices += sum(item.steps is not None for item in items)
        self.others += [type(i.message).__name__ for i in items if not isinstance(i.message, Score)]
        return {"emotion_records": len(seqs)}


def _writer(
    broker: MemoryBroker,
    store: Store,
    consumer: str = "me",
    disk: DiskWatch | None = None,
    **options: float,
) -> Writer:
    chosen = StorageOptions.model_validate({"batch_seconds": 0} | options)
    metrics = Metrics()
    disk = disk or DiskWatch(None, metrics, low_mb=0, critical_mb=0)
    return Writer(broker, store, metrics, chosen, consumer=consumer, disk=disk)


async def _pending(broker: MemoryBroker) -> int:
    return sum(s.pending for s in await broker.group_states(SCORES) if s.group == GROUP)


async def _run_until_settled(broker: MemoryBroker, writer: Writer, expected: int) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(writer.run(stop))

    async def all_settled() -> bool:
        states = [s for s in await broker.group_states(SCORES) if s.group == GROUP]
        return all(s.oldest_unsettled_ms is None for s in states)

    await wait_until(all_settled)
    stop.set()
    await task
    assert expected == len(await _dead(broker))


async def _dead(broker: MemoryBroker) -> list[bytes]:
    letters = await broker.tail(DEAD, dict.fromkeys(range(4), "0-0"), count=1000, block=None)
    return [letter.entry.fields["dead_error"] for letter in letters]


async def test_refused_rows_are_found_in_few_transactions_and_all_others_stored(
    memory_broker: MemoryBroker,
) -> None:
    refused = frozenset({3, 77})
    store = FailingStore(refused=refused)
    await memory_broker.publish([outgoing(make_score(seq)) for seq in range(100)])
    await _run_until_settled(memory_broker, _writer(memory_broker, store), expected=2)
    assert sorted(store.stored) == sorted(set(range(100)) - refused)
    assert store.calls < 40
    assert await _dead(memory_broker) == [b"the database refuses the row"] * 2


async def test_while_the_database_is_away_nothing_is_settled_and_the_trouble_shows(
    memory_broker: MemoryBroker,
) -> None:
    store = FailingStore(away=1000)
    writer = _writer(memory_broker, store)
    stop = asyncio.Event()
    task = asyncio.create_task(writer.run(stop))
    await memory_broker.publish([outgoing(make_score(seq)) for seq in range(5)])
    await wait_until(lambda: writer.trouble)
    assert writer.trouble == "the database does not serve: database is locked"
    assert await _pending(memory_broker) == 5
    stop.set()
    await task  # a stop does not wait for a database that is away
    assert await _pending(memory_broker) == 5
    store.away = 0
    await _run_until_settled(memory_broker, _writer(memory_broker, store), expected=0)
    assert store.stored == [0, 1, 2, 3, 4]


async def test_an_outage_ends_without_loss_and_the_trouble_goes(
    memory_broker: MemoryBroker,
) -> None:
    store = FailingStore(away=2)
    writer = _writer(memory_broker, store)
    await memory_broker.publish([outgoing(make_score(seq)) for seq in range(5)])
    await _run_until_settled(memory_broker, writer, expected=0)
    assert store.stored == [0, 1, 2, 3, 4]
    assert writer.trouble is None


async def test_what_another_process_left_is_claimed(memory_broker: MemoryBroker) -> None:
    await memory_broker.publish([outgoing(make_score(seq)) for seq in range(5)])
    assert len(await memory_broker.read([SCORES], GROUP, "dead", count=9)) == 5
    store = FailingStore()
    writer = _writer(memory_broker, store, claim_idle_seconds=0.05)
    await _run_until_settled(memory_broker, writer, expected=0)
    assert store.stored == [0, 1, 2, 3, 4]


async def test_seconds_wait_for_room_while_alerts_and_sessions_are_written(
    memory_broker: MemoryBroker,
) -> None:
    clock = [0.0]
    disk = DiskWatch(None, Metrics(), low_mb=0, critical_mb=0, clock=lambda: clock[0])
    store = FailingStore(room=3)
    await memory_broker.publish([outgoing(make_score(seq)) for seq in range(5)])
    await memory_broker.publish([outgoing(make_session()), outgoing(make_alert())])
    writer = _writer(memory_broker, store, disk=disk, claim_idle_seconds=0.01, batch_rows=1000)
    stop = asyncio.Event()
    task = asyncio.create_task(writer.run(stop))
    await wait_until(lambda: len(store.others) == 2)
    await memory_broker.publish([outgoing(make_alert(alert_id="b"))])
    await wait_until(lambda: len(store.others) == 3)
    assert store.stored == []
    assert await _pending(memory_broker) == 5
    assert writer.trouble is None
    store.room, clock[0] = 100, 11.0  # asked again after a while
    await wait_until(lambda: len(store.stored) == 5)
    stop.set()
    await task
    assert await _dead(memory_broker) == []


async def test_with_little_room_seconds_come_without_their_matrix(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    metrics = Metrics()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    disk = DiskWatch(tmp_path, metrics, low_mb=2000, critical_mb=500)
    store = FailingStore()
    fine = [outgoing(make_score(seq, steps=1), steps=bytes(36)) for seq in range(5)]
    await memory_broker.publish(fine)
    await _run_until_settled(memory_broker, _writer(memory_broker, store, disk=disk), expected=0)
    assert (store.stored, store.matrices) == ([0, 1, 2, 3, 4], 0)
    await memory_broker.publish(fine[:1])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e10))
    roomy = DiskWatch(tmp_path, metrics, low_mb=2000, critical_mb=500)
    await _run_until_settled(memory_broker, _writer(memory_broker, store, disk=roomy), expected=0)
    assert store.matrices == 1
