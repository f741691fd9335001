"""The same workers on Redis, on Valkey and on a Redis Cluster: each frame once, whoever dies."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.support.audio import speech_like_pcm
from tests.support.engines import PickyEngine
from tests.support.redis_server import connect
from tests.support.wait import wait_until
from tests.support.workers import answered, answers, dead_letters, publish_track, seq_of, worker
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import FRAME_BYTES, Gap, Granularity, Score, UtteranceMark
from tonewatch.shared.streams import FRAMES, STREAMS, UPLOADS

TRACKS, SECONDS = 8, 5
POISON = b"\0\x60" * (FRAME_BYTES // 2)
ENDED = UtteranceMark(number=0, start_ms=200, end_ms=900)


@pytest.fixture(params=["redis_server_url", "valkey_url", "cluster_url"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RedisBroker]:
    is_cluster = request.param == "cluster_url"
    broker = connect(request.getfixturevalue(request.param), 8, cluster=is_cluster)
    if is_cluster:
        await broker._client.flushall(target_nodes="all")
    else:
        await broker._client.flushall()
    await broker.setup(STREAMS)
    yield broker
    await broker.close()


async def test_each_frame_is_answered_once(server: RedisBroker) -> None:
    pcm = speech_like_pcm(SECONDS)
    for number in range(TRACKS):
        stream = UPLOADS if number % 2 else FRAMES
        await publish_track(server, pcm, f"call-{number}", stream, utterances=(ENDED,))
    lost = await server.read([FRAMES, UPLOADS], "inference", "dead-worker", count=2)
    assert lost
    await publish_track(server, POISON, "poison")
    expected = 2 * TRACKS * SECONDS + 1
    engine = PickyEngine()
    async with (
        worker(server, engine, max_batch=3, max_deliveries=3),
        worker(server, PickyEngine(), cache_frames=0, max_deliveries=3),
    ):
        await wait_until(answered(server, expected), timeout_seconds=30)
    found = [message for message, _ in await answers(server)]
    scores = [message for message in found if isinstance(message, Score)]
    seconds = Counter((m.session_id, m.seq) for m in scores if m.granularity is Granularity.FRAME)
    assert seconds == {(f"call-{n}", seq): 1 for n in range(TRACKS) for seq in range(SECONDS)}
    utterances = [
        m for m in found if isinstance(m, Score) and m.granularity is Granularity.UTTERANCE
    ]
    assert len(utterances) == TRACKS * SECONDS
    assert [(m.session_id, seq_of(m)) for m in found if isinstance(m, Gap)] == [("poison", 0)]
    assert await dead_letters(server) == ["not scored after 3 deliveries"]
    for stream in (FRAMES, UPLOADS):
        states = await server.group_states(stream)
        assert sum(state.pending for state in states) == 0
        assert [state.oldest_unsettled_ms for state in states if state.oldest_unsettled_ms] == []


async def test_a_stopped_worker_leaves_no_name_behind(server: RedisBroker) -> None:
    await publish_track(server, speech_like_pcm(2))
    async with worker(server):
        await wait_until(answered(server, 2))
    for partition in range(server.partitions):
        consumers = await server._client.xinfo_consumers(FRAMES.key(partition), "inference")
        assert consumers == []
