"""The publisher: order, history, the bounded buffer, and what an outage leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from tests.support.wait import wait_until
from tonewatch.ingest.audio import Piece
from tonewatch.ingest.publishing import Outbox, Publisher, SessionInfo, publisher
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.messages import Frame, Gap, Lane, SessionEvent, Speaker, UtteranceMark
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES, SCORES, SESSIONS, UPLOADS, Stream

AT = datetime(2026, 1, 4, tzinfo=UTC)
BOTH = (Speaker.CUSTOMER, Speaker.AGENT)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.001)


class Rig:
    """A publisher at work on a broker."""

    def __init__(self, broker: MemoryBroker, buffer_frames: int) -> None:
        self.broker = broker
        self.publisher = Publisher(broker, Metrics(), buffer_frames=buffer_frames)
        self.task = asyncio.create_task(self.publisher.run())

    def open(self, session_id: str = "call-1", lane: Lane = Lane.LIVE) -> Outbox:
        return self.publisher.open(
            SessionInfo(
                session_id=session_id,
                source_id="source-1",
                name="line",
                kind="pull",
                started_at=AT,
                lane=lane,
            )
        )

    def say(self, outbox: Outbox, *seqs: int) -> None:
        for seq in seqs:
            piece = Piece(seq, bytes([seq]) * 32_000, speech=1, level_dbfs=-20, utterances=())
            self.publisher.add(outbox, piece, AT)

    async def away(self) -> None:
        """Take the broker away, and wait until the publisher knows."""
        self.broker.available = False
        outbox = self.open("probe")
        outbox.end(frames=0, reason="probe")
        await wait_until(lambda: self.publisher.away)

    async def all_published(self) -> None:
        self.broker.available = True
        self.publisher.finish()
        await self.task

    async def messages(self, stream: Stream, session_id: str = "call-1") -> list[object]:
        after = dict.fromkeys(range(self.broker.partitions), "0-0")
        rows = await self.broker.tail(stream, after, count=10_000, block=None)
        found = [(row.entry.entry_id, decode(stream, row.entry)) for row in rows]
        self.ids = {m.seq: key for key, m in found if isinstance(m, Frame)}
        return [message for _, message in found if message.session_id == session_id]

    async def frames(self, session_id: str = "call-1", stream: Stream = FRAMES) -> list[Frame]:
        return [m for m in await self.messages(stream, session_id) if isinstance(m, Frame)]

    async def gaps(self) -> list[tuple[int, int]]:
        found = [m for m in await self.messages(SCORES) if isinstance(m, Gap)]
        return [(gap.first_seq, gap.last_seq) for gap in found]


@pytest.fixture
async def rig(memory_broker: MemoryBroker) -> AsyncIterator[Rig]:
    made = Rig(memory_broker, buffer_frames=6)
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_frames_name_the_nine_before_them(rig: Rig) -> None:
    outbox = rig.open()
    rig.say(outbox, *range(6))
    await wait_until(lambda: outbox.settled_seq == 6)
    rig.say(outbox, *range(6, 12))
    outbox.end(frames=12, reason="done")
    await rig.all_published()
    frames = await rig.frames()
    assert [frame.seq for frame in frames] == list(range(12))
    for frame in frames:
        before = range(max(0, frame.seq - 9), frame.seq)
        assert list(frame.history) == [rig.ids[seq] for seq in before]
    events = [m for m in await rig.messages(SESSIONS) if isinstance(m, SessionEvent)]
    assert [(event.state, event.frames) for event in events] == [("started", None), ("ended", 12)]


async def test_what_fits_into_the_buffer_survives_an_outage_unbroken(rig: Rig) -> None:
    outbox = rig.open()
    rig.say(outbox, 0, 1)
    await wait_until(lambda: outbox.settled_seq == 2)
    await rig.away()
    rig.say(outbox, 2, 3, 4)
    assert rig.publisher.held_frames == 3
    await rig.all_published()
    frames = await rig.frames()
    assert [frame.seq for frame in frames] == [0, 1, 2, 3, 4]
    assert list(frames[-1].history) == [rig.ids[seq] for seq in range(4)]
    assert await rig.gaps() == []
    assert rig.publisher.away is None


async def test_the_oldest_frames_become_one_gap_and_history_begins_anew(rig: Rig) -> None:
    outbox = rig.open()
    rig.say(outbox, 0)
    await wait_until(lambda: outbox.settled_seq == 1)
    await rig.away()
    rig.say(outbox, *range(1, 11))
    await rig.all_published()
    frames = await rig.frames()
    assert await rig.gaps() == [(1, 4)]
    assert [frame.seq for frame in frames] == [0, 5, 6, 7, 8, 9, 10]
    assert [len(frame.history) for frame in frames] == [0, 0, 1, 2, 3, 4, 5]


async def test_the_buffer_is_shared_and_the_oldest_of_all_sessions_goes_first(rig: Rig) -> None:
    old, new = rig.open(), rig.open("call-2")
    await rig.away()
    rig.say(old, 0, 1, 2)
    rig.say(new, 0, 1, 2, 3, 4)
    await rig.all_published()
    assert await rig.gaps() == [(0, 1)]
    assert [frame.seq for frame in await rig.frames()] == [2]
    assert [frame.seq for frame in await rig.frames("call-2")] == [0, 1, 2, 3, 4]


async def test_recordings_wait_instead_of_losing_frames(rig: Rig) -> None:
    outbox = rig.open(lane=Lane.UPLOAD)
    await rig.away()
    rig.say(outbox, *range(20))
    waiting = asyncio.create_task(outbox.room(8))
    await asyncio.sleep(0)
    assert not waiting.done()
    await rig.all_published()
    await waiting
    assert [frame.seq for frame in await rig.frames(stream=UPLOADS)] == list(range(20))
    assert await rig.gaps() == []


class ForgetfulBroker(MemoryBroker):
    """Does what it is asked, but once the answer is lost on the way."""

    lose_answer = False

    async def publish(self, messages: Sequence[Outgoing]) -> list[str]:
        ids = await super().publish(messages)
        if self.lose_answer:
            self.lose_answer = False
            raise BrokerUnavailableError("the answer was lost")
        return ids


async def test_a_frame_whose_answer_was_lost_is_not_published_twice() -> None:
    broker = ForgetfulBroker(partitions=4)
    rig = Rig(broker, buffer_frames=6)
    outbox = rig.open()
    rig.say(outbox, 0)
    await wait_until(lambda: outbox.settled_seq == 1)
    broker.lose_answer = True
    rig.say(outbox, 1, 2)
    outbox.end(frames=3, reason="done")
    await rig.all_published()
    frames = await rig.frames()
    assert [frame.seq for frame in frames] == [0, 1, 2]
    assert list(frames[2].history) == [rig.ids[0], rig.ids[1]]


def open_call(rig: Rig) -> Outbox:
    return rig.publisher.open(
        SessionInfo(
            session_id="call-1",
            source_id="source-1",
            name="line",
            kind="pull",
            started_at=AT,
            speakers=BOTH,
        )
    )


def say_both(rig: Rig, outbox: Outbox, *seqs: int) -> None:
    for seq in seqs:
        piece = Piece(seq, bytes([seq]) * 32_000, speech=1, level_dbfs=-20, utterances=())
        for speaker in BOTH:
            rig.publisher.add(outbox, piece, AT, speaker)


async def test_two_tracks_keep_their_own_order_and_history(rig: Rig) -> None:
    outbox = open_call(rig)
    say_both(rig, outbox, 0, 1, 2)
    await wait_until(lambda: outbox.settled_seq == 3)
    outbox.end(frames=3, reason="done")
    await rig.all_published()
    for speaker in BOTH:
        frames = [frame for frame in await rig.frames() if frame.speaker is speaker]
        assert [frame.seq for frame in frames] == [0, 1, 2]
        assert [len(frame.history) for frame in frames] == [0, 1, 2]


async def test_two_tracks_each_get_one_gap_for_what_did_not_fit(rig: Rig) -> None:
    outbox = open_call(rig)
    say_both(rig, outbox, 0)
    await wait_until(lambda: outbox.settled_seq == 1)
    await rig.away()
    say_both(rig, outbox, *range(1, 9))
    outbox.end(frames=9, reason="done")
    await rig.all_published()
    gaps = [m for m in await rig.messages(SCORES) if isinstance(m, Gap)]
    for speaker in BOTH:
        (gap,) = [gap for gap in gaps if gap.speaker is speaker]
        kept = [frame.seq for frame in await rig.frames() if frame.speaker is speaker]
        lost = list(range(gap.first_seq, gap.last_seq + 1))
        assert sorted(kept + lost) == list(range(9))
        after = next(f for f in await rig.frames() if f.speaker is speaker and f.seq > 0)
        assert after.history == ()


async def test_a_frame_says_what_was_heard_in_it(rig: Rig) -> None:
    marks = (UtteranceMark(number=2, start_ms=100, end_ms=None),)
    piece = Piece(0, bytes(32_000), speech=0.6, level_dbfs=-3, utterances=marks, clipping=0.25)
    rig.publisher.add(rig.open(), piece, AT)
    await rig.all_published()
    (frame,) = await rig.frames()
    heard = (frame.speech, frame.level_dbfs, frame.clipping, frame.utterances)
    assert heard == (0.6, -3, 0.25, marks)


async def test_one_session_holds_no_more_than_its_share(memory_broker: MemoryBroker) -> None:
    rig = Rig(memory_broker, buffer_frames=1000)
    rig.publisher._session_seconds = 5
    loud, quiet = rig.open("call-1"), rig.open("call-2")
    await rig.away()
    rig.say(loud, *range(20))
    rig.say(quiet, 0, 1)
    held = (loud.held_frames, quiet.held_frames)
    loud.end(frames=20, reason="done")
    quiet.end(frames=2, reason="done")
    await rig.all_published()
    assert held == (5, 2)
    assert await rig.gaps() == [(0, 14)]
    assert [frame.seq for frame in await rig.frames("call-1")] == list(range(15, 20))
