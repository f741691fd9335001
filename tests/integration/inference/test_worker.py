"""The worker on a real Redis: what goes in comes out as scores and gaps, each once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.support.audio import silence_pcm, speech_like_pcm
from tests.support.engines import HeldEngine, PickyEngine
from tests.support.messages import make_frame
from tests.support.wait import wait_until
from tests.support.workers import (
    answered,
    answers,
    dead_letters,
    publish_track,
    seq_of,
    session_order,
    value,
    worker,
)
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.host import EngineHost, waveform
from tonewatch.inference.telemetry import Watch
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.messages import FRAME_BYTES, Gap, GapReason, Score, UtteranceMark
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.streams import FRAMES, UPLOADS, partition_of

POISON = b"\0\x60" * (FRAME_BYTES // 2)


async def test_every_second_is_scored_with_the_seconds_before_it(broker: RedisBroker) -> None:
    pcm = speech_like_pcm(5.3)
    await publish_track(broker, pcm)
    async with worker(broker):
        await wait_until(answered(broker, 6))
    found = await answers(broker)
    ends = [min(FRAME_BYTES * (seq + 1), len(pcm)) for seq in range(6)]
    windows = [waveform(pcm[max(0, end - 3 * FRAME_BYTES) : end]) for end in ends]
    for (message, steps), expected in zip(found, FakeEngine().score(windows), strict=True):
        assert isinstance(message, Score)
        assert message.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
        rows = np.frombuffer(steps, dtype="<f4").reshape(message.steps, 9)
        assert np.allclose(rows, expected.steps[-message.steps :], atol=1e-5)
    assert [seq_of(message) for message, _ in found] == list(range(6))


@pytest.mark.parametrize("engine", [FakeEngine, CompactEngine])
async def test_live_and_upload_give_the_same_scores_for_the_same_audio(
    broker: RedisBroker, engine: Callable[[], Engine]
) -> None:
    """Promise 5, with two workers, so that windows come from caches and from the broker."""
    pcm = speech_like_pcm(6.5, seed=3)
    ended = {5: UtteranceMark(number=0, start_ms=300, end_ms=4_800)}
    await publish_track(broker, pcm, "live", ended=ended)
    await publish_track(broker, pcm, "upload", UPLOADS, ended=ended)
    async with (
        worker(broker, engine(), max_batch=2),
        worker(broker, engine(), max_batch=3, cache_frames=0),
    ):
        await wait_until(answered(broker, 16))
    by_session: dict[str, list[tuple[Any, ...]]] = {"live": [], "upload": []}
    for message, steps in await answers(broker):
        assert isinstance(message, Score)
        kind = message.granularity
        heard = (kind, message.seq, message.emotion, message.window_seconds, message.steps)
        by_session[message.session_id].append((*heard, message.probabilities, steps))
    assert len(by_session["live"]) == 8  # seven seconds, one utterance
    for live, upload in zip(by_session["live"], by_session["upload"], strict=True):
        assert live[:5] == upload[:5]
        assert live[5] == pytest.approx(upload[5], abs=1e-6)
        first, second = (np.frombuffer(steps, dtype="<f4") for steps in (live[6], upload[6]))
        assert np.allclose(first, second, rtol=0, atol=1e-6)


async def test_silence_is_no_speech(broker: RedisBroker) -> None:
    await publish_track(broker, silence_pcm(2), speech=0.0)
    async with worker(broker):
        await wait_until(answered(broker, 2))
    for message, steps in await answers(broker):
        assert isinstance(message, Score)
        assert (message.emotion, message.probabilities, steps) == ("no_speech", None, b"")


async def test_malformed_frames_are_dead_letters_and_gaps_and_nothing_else_suffers(
    broker: RedisBroker,
) -> None:
    await publish_track(broker, speech_like_pcm(2), "good")
    await broker.publish([Outgoing(FRAMES, make_frame(0, "odd"), {"pcm": b"\1\2\3"})])
    await broker.publish([Outgoing(FRAMES, make_frame(0, "none"))])
    key = FRAMES.key(0)
    await broker._client.xadd(key, {"h": b"\xff\x00 garbage", "pcm": b"\0\0"})
    await broker._client.xadd(key, {"nothing": b"of ours"})
    metrics = Metrics()
    async with worker(broker, metrics=metrics):
        await wait_until(answered(broker, 4))
        await wait_until(lambda: _count(dead_letters(broker), 4))
    kinds = {
        (message.session_id, seq_of(message)): message.reason
        for message, _ in await answers(broker)
        if isinstance(message, Gap)
    }
    assert kinds == {("odd", 0): GapReason.INVALID, ("none", 0): GapReason.INVALID}
    assert value(metrics, "dead_letters_total", stream="frames") == 4
    assert value(metrics, "gaps_total", reason="invalid") == 2
    assert value(metrics, "frames_scored_total", lane="live", outcome="scored") == 2


async def _count(found: Any, expected: int) -> bool:
    return len(await found) == expected


async def test_a_poisonous_frame_is_given_up_after_its_deliveries(broker: RedisBroker) -> None:
    await publish_track(broker, speech_like_pcm(1), "before")
    await publish_track(broker, POISON, "poison")
    await publish_track(broker, speech_like_pcm(1, seed=2), "after")
    async with worker(broker, PickyEngine(), max_deliveries=3):
        await wait_until(answered(broker, 3), timeout_seconds=30)
    by_session = {message.session_id: message for message, _ in await answers(broker)}
    assert isinstance(by_session["before"], Score)
    assert isinstance(by_session["after"], Score)
    gap = by_session["poison"]
    assert isinstance(gap, Gap)
    assert gap.reason is GapReason.POISON
    assert await dead_letters(broker) == ["not scored after 3 deliveries"]


async def test_frames_of_a_dead_worker_are_taken_over_on_both_lanes(broker: RedisBroker) -> None:
    await publish_track(broker, speech_like_pcm(2), "live")
    await publish_track(broker, speech_like_pcm(2), "upload", UPLOADS)
    lost = await broker.read([FRAMES, UPLOADS], "inference", "dead-worker", count=10)
    assert len(lost) == 4
    metrics = Metrics()
    async with worker(broker, metrics=metrics):
        await wait_until(answered(broker, 4))
    assert value(metrics, "claimed_total", stream="frames") == 2
    assert value(metrics, "claimed_total", stream="uploads") == 2


async def test_a_slow_engine_is_no_dead_worker(broker: RedisBroker) -> None:
    """What a living worker computes for longer than the idle time is not taken from it."""
    await publish_track(broker, speech_like_pcm(1))
    slow, metrics = HeldEngine(), Metrics()
    async with worker(broker, slow, max_deliveries=1):
        await wait_until(slow.entered.is_set)
        async with worker(broker, metrics=metrics):
            await asyncio.sleep(1.0)  # five times the idle time
        assert await answers(broker) == []
        # read once, and taken over only now, by this test
        (taken,) = await broker.claim(FRAMES, "inference", "me", min_idle=timedelta(0), count=9)
        assert taken.deliveries == 2
        slow.released.set()
        await wait_until(answered(broker, 1))
    ((message, _),) = await answers(broker)
    assert isinstance(message, Score)


async def test_a_stopped_worker_finishes_what_it_has_read(broker: RedisBroker) -> None:
    engine = HeldEngine()
    for number in range(12):
        await publish_track(broker, speech_like_pcm(2), f"call-{number}")
    async with worker(broker, engine, max_batch=5) as stop:
        await wait_until(engine.entered.is_set)
        stop.set()
        engine.released.set()
    assert 5 <= len(await answers(broker)) < 24
    pending = sum(state.pending for state in await broker.group_states(FRAMES))
    assert pending == 0


async def test_live_frames_overtake_a_backlog_of_uploads(broker: RedisBroker) -> None:
    engine = HeldEngine()
    for number in range(10):
        await publish_track(broker, speech_like_pcm(2), f"upload-{number}", UPLOADS)
    async with worker(broker, engine, max_batch=2):
        await wait_until(engine.entered.is_set)
        await publish_track(broker, speech_like_pcm(1), "live")
        engine.released.set()
        await wait_until(answered(broker, 21))
    order = await session_order(broker)
    # one batch was computed and one prepared when the live frame came
    assert order.index("live") <= 6


async def test_the_age_of_the_oldest_unscored_frame_is_watched(broker: RedisBroker) -> None:
    metrics, stop = Metrics(), asyncio.Event()
    await publish_track(broker, speech_like_pcm(1))
    partition = partition_of("call-1:mixed", broker.partitions)
    old = FRAMES.key(partition)
    await broker._client.delete(old)
    await broker._client.xadd(old, {"h": b"{}"}, id="1000-0")
    await broker.setup([FRAMES])
    host = EngineHost.around(FakeEngine(), metrics)
    watch = asyncio.create_task(Watch(broker, host, metrics).watch(stop))
    await wait_until(lambda: b"oldest_unscored_seconds{" in metrics.render())
    await wait_until(lambda: b'lane="upload"' in metrics.render())
    stop.set()
    await watch
    assert value(metrics, "oldest_unscored_seconds", lane="live") > timedelta(days=365).seconds
    assert value(metrics, "oldest_unscored_seconds", lane="upload") == 0
