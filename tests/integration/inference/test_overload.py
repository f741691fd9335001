"""More than can be scored: first one window answers for several seconds, then frames are given up.

Frames are made old by their entry ids, not by waiting.
"""

import math
import time
from typing import Any

import pytest

from tests.support.audio import speech_like_pcm
from tests.support.engines import HeldEngine, PickyEngine
from tests.support.messages import make_frame
from tests.support.wait import wait_until
from tests.support.workers import (
    answered,
    answers,
    publish_track,
    session_order,
    value,
    worker,
)
from tonewatch.shared.attention import mark
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker._settle import state_key
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.messages import FRAME_BYTES, Gap, GapReason, Score, Speaker, Track
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES, UPLOADS, partition_of

LIMITS: dict[str, Any] = {"hop_after_seconds": 5, "shed_after_seconds": 60}


async def publish_old(
    broker: RedisBroker, session: str, seconds: int, age_seconds: float
) -> list[str]:
    """A track whose first frame the broker took `age_seconds` ago, the others one by one since."""
    pcm = speech_like_pcm(seconds)
    first_ms = int(1000 * (time.time() - age_seconds))
    ids: list[str] = []
    for seq in range(seconds):
        frame = make_frame(seq, session, history=tuple(ids[-9:]))
        part = pcm[seq * FRAME_BYTES : (seq + 1) * FRAME_BYTES]
        key = FRAMES.key(partition_of(frame.partition_key, broker.partitions))
        fields: Any = encode(Outgoing(FRAMES, frame, {"pcm": part}))
        entry_id = await broker._client.xadd(key, fields, id=f"{first_ms + 1000 * seq}-*")
        ids.append(entry_id.decode())
    return ids


@pytest.mark.parametrize(("age_seconds", "hop"), [(2, 1), (30, 2), (60, 3)])
async def test_the_hop_grows_with_the_backlog_and_every_second_lies_in_a_window(
    broker: RedisBroker, age_seconds: float, hop: int
) -> None:
    engine, metrics = PickyEngine(), Metrics()
    await publish_old(broker, "call-1", 6, age_seconds)
    async with worker(broker, engine, metrics, hop_after_seconds=20, shed_after_seconds=600):
        await wait_until(answered(broker, 6))
    found = [message for message, _ in await answers(broker)]
    assert [message.seq for message in found if isinstance(message, Score)] == list(range(6))
    assert all(isinstance(message, Score) and message.steps == 10 for message in found)
    # it hears of the backlog with the first read, so its first groups may be smaller
    hops = [message.hop_seconds for message in found if isinstance(message, Score)]
    assert max(hops) == hop
    assert sum(engine.calls) <= 6 if hop == 1 else sum(engine.calls) < 6
    assert value(metrics, "hop_seconds") in {1, hop}


async def test_the_oldest_are_given_up_each_with_a_gap(broker: RedisBroker) -> None:
    metrics = Metrics()
    before = time.monotonic()
    await publish_old(broker, "call-1", 20, 64.5)
    async with worker(broker, metrics=metrics, **LIMITS):
        await wait_until(answered(broker, 20))
    took = time.monotonic() - before
    found = [message for message, _ in await answers(broker)]
    gaps = [message for message in found if isinstance(message, Gap)]
    assert [gap.first_seq for gap in gaps] == list(range(len(gaps)))
    assert 5 <= len(gaps) <= 5 + math.ceil(took)
    assert {gap.reason for gap in gaps} == {GapReason.OVERLOAD}
    assert [m.seq for m in found if isinstance(m, Score)] == list(range(len(gaps), 20))
    assert value(metrics, "frames_shed_total", reason="age") == len(gaps)
    assert value(metrics, "gaps_total", reason="overload") == len(gaps)


async def test_recordings_are_never_given_up(broker: RedisBroker) -> None:
    await publish_old(broker, "live", 3, 300)
    await publish_track(broker, speech_like_pcm(3), "upload", UPLOADS)
    async with worker(broker, hop_after_seconds=0.001, shed_after_seconds=0.002):
        await wait_until(answered(broker, 6))
    kinds = {(m.session_id, type(m)) for m, _ in await answers(broker)}
    assert kinds == {("live", Gap), ("upload", Score)}


async def test_tracks_with_an_alert_are_scored_before_others(broker: RedisBroker) -> None:
    """The mark is written as alerting writes it: with the settlement of some entry."""
    engine = HeldEngine()
    for number in range(12):
        await publish_old(broker, f"calm-{number}", 1, 1)
    urgent = Track(session_id="urgent", speaker=Speaker.MIXED)
    partition = partition_of(urgent.key, broker.partitions)
    await broker._client.set(*_mark(urgent, partition))
    async with worker(broker, engine, max_batch=2, **LIMITS):
        await wait_until(engine.entered.is_set)
        await publish_old(broker, "urgent", 2, 0.5)
        engine.released.set()
        await wait_until(answered(broker, 14))
    order = await session_order(broker)
    # one batch was computed and one prepared when the urgent frames came; their partition may be
    # read a round later
    assert order.index("urgent") <= 8


def _mark(track: Track, partition: int) -> tuple[str, bytes]:
    write = mark(track, wanted=True)
    assert write.value is not None
    return state_key(partition, write.name), write.value
