"""Live frames before recordings, and no more in hand than can be scored soon."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.messages import make_frame
from tonewatch.inference.frames import Admission
from tonewatch.inference.intake import GROUP, Intake
from tonewatch.inference.waiting import Group
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.messages import FRAME_BYTES, GapReason
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream

SHORT = timedelta(milliseconds=20)
ALL = timedelta(0)
PCM = bytes(FRAME_BYTES)


async def publish(broker: MemoryBroker, stream: Stream, count: int, tracks: int = 1) -> None:
    await broker.publish(
        [
            Outgoing(stream, make_frame(n // tracks, f"call-{n % tracks}"), {"pcm": PCM})
            for n in range(count)
        ]
    )


@pytest.fixture
def intake(memory_broker: MemoryBroker) -> Intake:
    return Intake(memory_broker, "me", Admission(5, 0.2))


async def take(
    intake: Intake, windows: int, hop: int = 1, block: timedelta | None = None
) -> list[Group]:
    await intake.fill(windows, hop, block)
    return intake.take(windows, hop)


def streams(groups: list[Group]) -> list[Stream]:
    return [job.delivery.stream for group in groups for job in group]


async def test_live_frames_are_taken_before_recordings(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, UPLOADS, 3)
    await publish(memory_broker, FRAMES, 3)
    assert streams(await take(intake, 10)) == [FRAMES] * 3
    assert streams(await take(intake, 10)) == [UPLOADS] * 3


async def test_live_frames_overtake_recordings_that_wait_in_hand(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, UPLOADS, 8, tracks=8)
    await take(intake, 1)
    assert intake.waiting
    await publish(memory_broker, FRAMES, 1)
    assert streams(await take(intake, 4)) == [FRAMES]


async def test_one_busy_track_fills_a_batch(memory_broker: MemoryBroker, intake: Intake) -> None:
    await publish(memory_broker, FRAMES, 50)
    assert len(await take(intake, 32)) == 32


async def test_little_more_is_read_than_was_asked_for(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 200, tracks=40)
    await take(intake, 10)
    assert len(intake.held(60)) <= 10 + memory_broker.partitions


async def test_a_wait_ends_with_the_first_frame(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    waiting = asyncio.create_task(take(intake, 10, block=timedelta(seconds=5)))
    await asyncio.sleep(0)
    await publish(memory_broker, UPLOADS, 1)
    assert len(await waiting) == 1


async def test_a_wait_for_nothing_ends(intake: Intake) -> None:
    assert await take(intake, 10, block=SHORT) == []


async def test_without_reading_only_what_is_in_hand_is_given(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 8, tracks=8)
    taken = await take(intake, 1)
    waiting = intake.waiting
    await publish(memory_broker, FRAMES, 8, tracks=8)
    assert len(intake.take(99, 1)) == waiting
    assert intake.waiting == 0
    intake.release(job.delivery for group in taken for job in group)
    assert len(intake.held(60)) == waiting


async def test_what_is_in_hand_is_not_taken_twice_by_a_claim(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 2)
    taken = await take(intake, 10)
    claimed = await memory_broker.claim(FRAMES, GROUP, "me", min_idle=ALL, count=10)
    assert len(claimed) == 2
    assert intake.add(claimed, first=True) == []
    intake.release(job.delivery for group in taken for job in group)
    assert len(intake.add(claimed, first=True)) == 2


async def test_claimed_frames_go_first_and_in_order(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 2)
    claimed = await memory_broker.read([FRAMES], GROUP, "dead", count=10)
    await publish(memory_broker, FRAMES, 1)
    intake.add(claimed, first=True)
    taken = [job.delivery.entry.entry_id for group in await take(intake, 10) for job in group]
    assert taken[:2] == [delivery.entry.entry_id for delivery in claimed]
    assert len(taken) == 3


async def test_what_is_held_too_long_is_no_longer_reported(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 1)
    await take(intake, 1)
    assert len(intake.held(60)) == 1
    assert intake.held(0) == []
    intake.forget()
    assert intake.held(60) == []


async def test_what_cannot_be_scored_is_set_aside_with_the_reason(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await memory_broker.publish([Outgoing(FRAMES, make_frame(0), {"pcm": b"odd"})])
    await publish(memory_broker, FRAMES, 1)
    assert len(await take(intake, 10)) == 1
    (refused,) = intake.take_refused()
    assert refused.reason is GapReason.INVALID
    assert "3 bytes of PCM" in refused.error
    assert intake.take_refused() == []


async def test_a_frame_that_failed_too_often_is_set_aside(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    await publish(memory_broker, FRAMES, 1)
    await memory_broker.read([FRAMES], GROUP, "dead", count=1)
    for _ in range(4):
        (failed,) = await memory_broker.claim(FRAMES, GROUP, "dead", min_idle=ALL, count=1)
    assert len(intake.add([failed])) == 1
    intake.forget()
    (failed,) = await memory_broker.claim(FRAMES, GROUP, "dead", min_idle=ALL, count=1)
    assert intake.add([failed]) == []
    (refused,) = intake.take_refused()
    assert (refused.reason, refused.error) == (GapReason.POISON, "not scored after 5 deliveries")


async def test_under_overload_the_seconds_of_a_track_come_into_one_hand(
    memory_broker: MemoryBroker, intake: Intake
) -> None:
    """Also where many tracks share a partition, so that a track's seconds lie far apart."""
    tracks, seconds = 10 * memory_broker.partitions, 8
    await publish(memory_broker, FRAMES, tracks * seconds, tracks=tracks)
    sizes: list[int] = []
    while groups := await take(intake, 16, hop=2):
        sizes += [len(group) for group in groups]
        assert intake.waiting <= 16 * 2 + 2 * 128
    assert sum(sizes) == tracks * seconds
    # it has to learn first how many tracks a partition has
    late = sizes[len(sizes) // 2 : -tracks // 4]
    assert late.count(2) > 0.8 * len(late)
