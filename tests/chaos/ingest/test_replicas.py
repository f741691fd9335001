"""Two replicas share the sources: whatever happens to one, each source is taken in once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.ingest.replicas import Replicas, two_replicas
from tests.integration.ingest.conftest import StartNginx
from tests.support.postgres import USER, postgres_server
from tests.support.redis_server import connect, redis_server, short_folder
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.messages import SessionState
from tonewatch.shared.streams import STREAMS

MOVE_SECONDS = 10
"""The sources of a killed replica are heard again within this."""
SOURCES = 6

StartEncoder = Callable[..., Any]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def replicas(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    tmp_path: Path,
    ffmpeg: str,
) -> AsyncIterator[Replicas]:
    async with two_replicas(redis_url, broker, free_port, tmp_path, ffmpeg) as made:
        yield made


async def both_at_work(replicas: Replicas) -> list[str]:
    """Both started, all sources live, and both have some."""
    await asyncio.gather(*(victim.start() for victim in replicas.victims))
    sources: list[str] = []
    # whose a source is, its id decides: add more until both have some
    while True:
        sources += await replicas.add_sources(SOURCES)
        for victim in replicas.victims:
            await wait_until(partial(replicas.all_live, victim), timeout_seconds=30)
        if len(await replicas.names()) == 2:
            return sources


async def heard_again(replicas: Replicas, before: dict[str, int], sources: list[str]) -> bool:
    now = await replicas.frames_by_source()
    return all(now.get(each, 0) > before.get(each, 0) for each in sources)


async def test_a_killed_replicas_sources_move_and_nothing_is_doubled(replicas: Replicas) -> None:
    await kill_one(replicas)


async def test_the_same_on_postgresql(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    tmp_path: Path,
    ffmpeg: str,
) -> None:
    with postgres_server() as folder:
        url = f"postgresql+asyncpg://{USER}@/postgres?host={folder}"
        shared = {"TONEWATCH_INGEST__DATABASE_URL": url}
        async with two_replicas(
            redis_url, broker, free_port, tmp_path, ffmpeg, **shared
        ) as replicas:
            await kill_one(replicas)


async def kill_one(replicas: Replicas) -> None:
    """Kill the first of two at work; see what became of its sources."""
    await both_at_work(replicas)
    dead, survivor = replicas.victims
    name = await replicas.name_of(survivor)
    shown = await replicas.shown(survivor)
    kept = {i: e["session_id"] for i, e in shown.items() if e["replica"] == name}
    moved = sorted(shown.keys() - kept.keys())
    assert kept
    assert moved
    await dead.kill()
    before = await replicas.frames_by_source()
    await wait_until(lambda: heard_again(replicas, before, moved), timeout_seconds=MOVE_SECONDS)
    after = await replicas.shown(survivor)
    assert {e["replica"] for e in after.values()} == {name}
    assert {i: after[i]["session_id"] for i in kept} == kept, "what did not move goes on"
    await replicas.stop()
    await replicas.assert_single()
    assert await survivor.adds_up()


async def test_a_pushed_stream_goes_on_at_another_replica_when_its_own_is_killed(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    tmp_path: Path,
    ffmpeg: str,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    rtmp = {"TONEWATCH_INGEST__RTMP_PLAY_BASE": live, "TONEWATCH_INGEST__RTMP_PUBLISH_BASE": live}
    async with two_replicas(redis_url, broker, free_port, tmp_path, ffmpeg, **rtmp) as replicas:
        await asyncio.gather(*(victim.start() for victim in replicas.victims))
        dead, survivor = replicas.victims
        # nginx-rtmp asks whoever is there: in a deployment that is the service's address
        await nginx(survivor.url)
        source = await replicas.add_pushed(survivor, await replicas.name_of(dead))
        push = await encoder(source["publish_url"])
        await wait_until(lambda: replicas.is_live(survivor, source["id"]), timeout_seconds=20)
        await wait_until(lambda: has_frames(replicas, source["id"], 2))
        before = await replicas.frames_by_source()
        await dead.kill()
        await wait_until(
            lambda: heard_again(replicas, before, [source["id"]]), timeout_seconds=MOVE_SECONDS
        )
        shown = (await replicas.shown(survivor))[source["id"]]
        assert shown["replica"] == await replicas.name_of(survivor)
        assert push.process.returncode is None, "the encoder noticed nothing"
        await push.stop()
        await replicas.stop()
        await replicas.assert_single()
        assert await survivor.adds_up()
        ended = await replicas.reader.sessions(SessionState.ENDED, source["id"])
        assert ended[0].reason == "ingest was stopped without warning"


async def has_frames(replicas: Replicas, source_id: str, least: int) -> bool:
    return (await replicas.frames_by_source()).get(source_id, 0) >= least


async def test_a_stopped_replica_lets_go_at_once_and_a_new_one_gets_its_share(
    replicas: Replicas,
) -> None:
    sources = await both_at_work(replicas)
    first, second = replicas.victims
    assert first.process is not None
    first.process.terminate()
    assert await first.process.wait() == 0
    before = await replicas.frames_by_source()
    # no life span has to pass: connect, and a second of audio
    await wait_until(lambda: heard_again(replicas, before, sources), timeout_seconds=5)
    await first.start()
    await wait_until(lambda: two_names(replicas))
    await wait_until(lambda: replicas.all_live(first))
    await replicas.stop()
    await replicas.assert_single()
    assert await second.adds_up()


async def two_names(replicas: Replicas) -> bool:
    return len(await replicas.names() - {None}) == 2


async def test_a_frozen_replica_that_goes_on_publishes_nothing_of_what_moved(
    replicas: Replicas,
) -> None:
    sources = await both_at_work(replicas)
    frozen, other = replicas.victims
    assert frozen.process is not None
    before = await replicas.frames_by_source()
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        await wait_until(
            lambda: heard_again(replicas, before, sources), timeout_seconds=MOVE_SECONDS + 2
        )
        sizes = await replicas.frames_by_session()
        closed = {e.session_id for e in await other.reader.sessions(SessionState.ENDED)}
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    await wait_until(lambda: two_names(replicas), timeout_seconds=20)
    await wait_until(lambda: replicas.all_live(frozen), timeout_seconds=20)
    after = await replicas.frames_by_session()
    assert closed
    assert {each: after[each] for each in closed} == {each: sizes[each] for each in closed}
    await replicas.stop()
    await replicas.assert_single()
    assert await other.adds_up()


async def test_a_frozen_redis_moves_nothing_and_loses_nothing(
    free_port: Callable[[], int], tmp_path: Path, ffmpeg: str
) -> None:
    with short_folder() as folder, redis_server(folder) as (url, server):
        broker: RedisBroker = connect(url)
        await broker.setup(STREAMS)
        async with two_replicas(url, broker, free_port, tmp_path, ffmpeg) as replicas:
            sources = await both_at_work(replicas)
            first, second = replicas.victims
            shown = await replicas.shown(first)
            before = await replicas.frames_by_source()
            server.send_signal(signal.SIGSTOP)
            await asyncio.sleep(8)  # longer than a replica's life
            server.send_signal(signal.SIGCONT)
            await wait_until(
                lambda: heard_again(replicas, before, sources), timeout_seconds=MOVE_SECONDS
            )
            for victim in replicas.victims:
                await wait_until(partial(replicas.all_live, victim))
            now = await replicas.shown(second)
            runs = {i: (e["replica"], e["session_id"]) for i, e in now.items()}
            assert runs == {i: (e["replica"], e["session_id"]) for i, e in shown.items()}
            await replicas.stop()
            await replicas.assert_single()
            assert await first.adds_up()
            assert await replicas.reader.gaps() == []
        await broker.close()


async def test_what_one_replica_is_told_the_other_does(replicas: Replicas) -> None:
    await both_at_work(replicas)
    first, second = replicas.victims
    name = await replicas.name_of(second)
    theirs = [e for e in (await replicas.shown(first)).values() if e["replica"] == name]
    changed = theirs[0]["id"]
    async with first.client() as client:
        await client.patch(f"/v1/sources/{changed}", json={"labels": {"queue": "vip"}})
    await wait_until(lambda: has_labels(replicas, changed), timeout_seconds=8)
    async with first.client() as client:
        await client.delete(f"/v1/sources/{changed}")
    await wait_until(lambda: has_ended(replicas, changed), timeout_seconds=8)
    assert changed not in await replicas.shown(second)
    await replicas.stop()
    await replicas.assert_single()
    assert await first.adds_up()


async def has_labels(replicas: Replicas, source_id: str) -> bool:
    frames = await replicas.reader.frames(source_id)
    return any(frame.labels == {"queue": "vip"} for frame in frames)


async def has_ended(replicas: Replicas, source_id: str) -> bool:
    started = await replicas.reader.sessions(SessionState.STARTED, source_id)
    ended = await replicas.reader.sessions(SessionState.ENDED, source_id)
    return {e.session_id for e in started} == {e.session_id for e in ended}
