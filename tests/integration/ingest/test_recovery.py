"""A killed ingest's sessions get their end, and tracks that stopped apart are made even."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.ingest.streams import Reader
from tonewatch.ingest.audio import Piece
from tonewatch.ingest.publishing import Outbox, Publisher, SessionInfo
from tonewatch.ingest.service import MIGRATIONS
from tonewatch.ingest.sessions import Ledger, close_left_open
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.database import close_engine, create_engine, migrate
from tonewatch.shared.messages import GapReason, SessionState, Speaker
from tonewatch.shared.metrics import Metrics

AT = datetime(2026, 1, 4, tzinfo=UTC)
BOTH = (Speaker.CUSTOMER, Speaker.AGENT)
INFO = SessionInfo(
    session_id="call-1", source_id="source-1", name="line", kind="pull", started_at=AT,
    speakers=BOTH,
)  # fmt: skip


async def publish(broker: MemoryBroker, outbox: Outbox, seq: int, *speakers: Speaker) -> None:
    """Frames straight into the broker, as if ingest were killed right after."""
    publisher = Publisher(broker, Metrics(), buffer_frames=9)
    for speaker in speakers:
        publisher.add(outbox, Piece(seq, bytes(32_000), 1, -20, ()), AT, speaker)
    items = outbox.take_round()
    messages = [outbox.outgoing(item) for item in items]
    for item, entry_id in zip(items, await broker.publish(messages), strict=True):
        outbox.settled(item, entry_id)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty ledger."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'ingest.db'}")
    await migrate(engine, MIGRATIONS)
    yield Ledger(engine)
    await close_engine(engine)


async def test_tracks_that_stopped_apart_are_made_even_by_a_gap(
    memory_broker: MemoryBroker, ledger: Ledger
) -> None:
    await ledger.open(INFO)
    outbox = Outbox(INFO, lambda: None)
    await publish(memory_broker, outbox, 0, *BOTH)
    await publish(memory_broker, outbox, 1, Speaker.AGENT)
    await ledger.note_progress([outbox], AT)
    await publish(memory_broker, outbox, 2, Speaker.AGENT)

    await close_left_open(memory_broker, ledger, await ledger.all())

    assert await ledger.all() == []
    reader = Reader(memory_broker)
    (ended,) = await reader.sessions(SessionState.ENDED)
    assert (ended.frames, ended.speakers) == (3, BOTH)
    (gap,) = await reader.gaps()
    assert (gap.speaker, gap.first_seq, gap.last_seq) == (Speaker.CUSTOMER, 1, 2)
    assert (gap.reason, gap.final) == (GapReason.SOURCE_LOST, True)


async def test_a_track_whose_newest_entry_the_ledger_knows_is_counted_with_it(
    memory_broker: MemoryBroker, ledger: Ledger
) -> None:
    await ledger.open(INFO)
    outbox = Outbox(INFO, lambda: None)
    # the agent is ahead, but the entry of its newest frame is the older of the two
    await publish(memory_broker, outbox, 0, Speaker.AGENT)
    await publish(memory_broker, outbox, 1, Speaker.AGENT)
    await publish(memory_broker, outbox, 0, Speaker.CUSTOMER)
    await ledger.note_progress([outbox], AT)
    await close_left_open(memory_broker, ledger, await ledger.all())
    (gap,) = await Reader(memory_broker).gaps()
    assert (gap.speaker, gap.first_seq, gap.last_seq) == (Speaker.CUSTOMER, 1, 1)
