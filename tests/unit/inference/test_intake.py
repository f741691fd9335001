"""Live frames before recordings, and no more in hand than can be scored soon."""

import asyncio
from datetime import timedelta

from tests.support.messages import make_frame
from tonewatch.inference.intake import GROUP, Intake
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream

SHORT = timedelta(milliseconds=20)
ALL = timedelta(0)


async def publish(broker: MemoryBroker, stream: Stream, count: int, tracks: int = 1) -> None:
    await broker.publish(
        [
            Outgoing(stream, make_frame(n // tracks, f"call-{n % tracks}"), {"pcm": b"\0\0"})
            for n in range(count)
        ]
    )


async def test_live_frames_are_taken_before_recordings(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, UPLOADS, 3)
    await publish(memory_broker, FRAMES, 3)
    intake = Intake(memory_broker, "me")
    first = await intake.take(10, block=None)
    second = await intake.take(10, block=None)
    assert [delivery.stream for delivery in first] == [FRAMES] * 3
    assert [delivery.stream for delivery in second] == [UPLOADS] * 3


async def test_live_frames_overtake_recordings_that_wait_in_hand(
    memory_broker: MemoryBroker,
) -> None:
    await publish(memory_broker, UPLOADS, 8, tracks=8)
    intake = Intake(memory_broker, "me")
    await intake.take(1, block=None)
    assert intake.waiting
    await publish(memory_broker, FRAMES, 1)
    assert [d.stream for d in await intake.take(4, block=None)] == [FRAMES]


async def test_one_busy_track_fills_a_batch(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 50)
    taken = await Intake(memory_broker, "me").take(32, block=None)
    assert len(taken) == 32


async def test_little_more_is_read_than_was_asked_for(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 200, tracks=40)
    intake = Intake(memory_broker, "me")
    await intake.take(10, block=None)
    assert len(intake.held(60)) <= 10 + memory_broker.partitions


async def test_a_wait_ends_with_the_first_frame(memory_broker: MemoryBroker) -> None:
    waiting = asyncio.create_task(Intake(memory_broker, "me").take(10, block=timedelta(seconds=5)))
    await asyncio.sleep(0)
    await publish(memory_broker, UPLOADS, 1)
    assert len(await waiting) == 1


async def test_a_wait_for_nothing_ends(memory_broker: MemoryBroker) -> None:
    assert await Intake(memory_broker, "me").take(10, block=SHORT) == []


async def test_without_reading_only_what_is_in_hand_is_given(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 8, tracks=8)
    intake = Intake(memory_broker, "me")
    taken = await intake.take(1, block=None)
    waiting = intake.waiting
    await publish(memory_broker, FRAMES, 8, tracks=8)
    assert len(await intake.take(99, block=None, read=False)) == waiting
    assert intake.waiting == 0
    intake.release(taken)
    assert len(intake.held(60)) == waiting


async def test_what_is_in_hand_is_not_taken_twice_by_a_claim(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 2)
    intake = Intake(memory_broker, "me")
    taken = await intake.take(10, block=None)
    claimed = await memory_broker.claim(FRAMES, GROUP, "me", min_idle=ALL, count=10)
    assert len(claimed) == 2
    assert intake.add(claimed, first=True) == 0
    intake.release(taken)
    assert intake.add(claimed, first=True) == 2


async def test_claimed_frames_go_first_and_in_order(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 2)
    claimed = await memory_broker.read([FRAMES], GROUP, "dead", count=10)
    await publish(memory_broker, FRAMES, 1)
    intake = Intake(memory_broker, "me")
    intake.add(claimed, first=True)
    taken = await intake.take(10, block=None)
    assert [d.entry.entry_id for d in taken[:2]] == [d.entry.entry_id for d in claimed]
    assert len(taken) == 3


async def test_what_is_held_too_long_is_no_longer_reported(memory_broker: MemoryBroker) -> None:
    await publish(memory_broker, FRAMES, 1)
    intake = Intake(memory_broker, "me")
    await intake.take(1, block=None)
    assert len(intake.held(60)) == 1
    assert intake.held(0) == []
    intake.forget()
    assert intake.held(60) == []
