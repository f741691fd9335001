"""Replicas in one process: publishers and sockets, whichever replica they come to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.ingest.calls import add, ended
from tests.integration.ingest.conftest import LOOPBACK, StartNginx
from tests.integration.ingest.streams import Reader
from tests.integration.ingest.test_push import add_rtmp, in_state, shown
from tests.integration.ingest.test_upload_control import long_recording, send
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.sockets import closing, heard, hello, say, websocket
from tests.support.wait import wait_until
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState
from tonewatch.shared.redis_client import RedisOptions
from tonewatch.shared.streams import UPLOADS

StartEncoder = Callable[..., Any]
MakeReplica = Callable[[], IngestService]
PCM = "/v1/ws/pcm"


@pytest.fixture
def make_replica(
    broker: RedisBroker, redis_url: str, ffmpeg: str, rtmp_port: int, tmp_path: Path
) -> MakeReplica:
    """Builds replicas that share one data folder."""
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"

    def make() -> IngestService:
        section = IngestOptions.model_validate(
            {
                "port": 0,
                "ffmpeg": ffmpeg,
                "egress": LOOPBACK,
                "drain_seconds": 5.0,
                "rtmp_play_base": live,
                "rtmp_publish_base": live,
                "shared_sources": True,
                "lease_seconds": 3.0,
            }
        )
        redis = RedisOptions(url=SecretStr(redis_url))
        settings = IngestSettings(data_dir=tmp_path / "data", redis=redis, ingest=section)
        return IngestService(settings, broker)

    return make


@asynccontextmanager
async def replica(make: MakeReplica) -> AsyncIterator[tuple[str, AsyncClient]]:
    async with running(make()) as base, create_client(base_url=base) as client:
        await wait_until(lambda: is_ready(client))
        yield base, client


async def is_ready(client: AsyncClient) -> bool:
    return (await client.get("/ready")).is_success


async def name_of(client: AsyncClient) -> str:
    checks = (await client.get("/ready")).json()["checks"]
    return str(checks["leases"]["detail"]).split()[0]


async def rtmp_source_of(client: AsyncClient, name: str) -> dict[str, Any]:
    """An RTMP source that the replica of this name runs: its id decides, so add until one is."""
    while True:
        made = await add_rtmp(client)
        await wait_until(partial(has_replica, client, made["id"]))
        if (await shown(client, made["id"]))["replica"] == name:
            return made


async def has_replica(client: AsyncClient, source_id: str) -> bool:
    return (await shown(client, source_id))["replica"] is not None


async def has_started(reader: Reader, least: int) -> bool:
    return len(await reader.sessions(SessionState.STARTED)) >= least


async def adds_up(reader: Reader) -> bool:
    """Every session has its end, and every frame before it once."""
    for event in await reader.sessions(SessionState.ENDED):
        seqs = [f.seq for f in await reader.frames() if f.session_id == event.session_id]
        assert seqs == list(range(event.frames or 0))
    return await has_started(reader, 1)


async def test_a_publisher_is_followed_by_whoever_runs_the_source_and_taken_over(
    make_replica: MakeReplica,
    broker: RedisBroker,
    nginx: StartNginx,
    encoder: StartEncoder,
) -> None:
    reader = Reader(broker)
    async with replica(make_replica) as (asked, client):
        await nginx(asked)
        async with AsyncExitStack() as stack:
            _, other = await stack.enter_async_context(replica(make_replica))
            source = await rtmp_source_of(client, await name_of(other))
            push = await encoder(source["publish_url"])
            await wait_until(lambda: in_state(client, source["id"], "live"))
            assert (await shown(client, source["id"]))["replica"] == await name_of(other)
        # the one that followed it is gone, in order: the one that was asked goes on
        await wait_until(lambda: has_started(reader, 2))
        await wait_until(lambda: in_state(client, source["id"], "live"))
        await push.stop()
        await wait_until(lambda: in_state(client, source["id"], "idle"))
    await adds_up(reader)
    started = await reader.sessions(SessionState.STARTED)
    assert len({event.session_id for event in started}) == 2
    reasons = [event.reason for event in await reader.sessions(SessionState.ENDED)]
    assert reasons[0] == "ingest was stopped"
    assert reasons[1] in ("the stream ended", "the publisher left")


async def test_a_key_rotated_at_one_replica_ends_the_publisher_at_the_other(
    make_replica: MakeReplica,
    broker: RedisBroker,
    nginx: StartNginx,
    encoder: StartEncoder,
) -> None:
    reader = Reader(broker)
    async with (
        replica(make_replica) as (asked, client),
        replica(make_replica) as (_, other),
    ):
        await nginx(asked)
        source = await rtmp_source_of(client, await name_of(other))
        push = await encoder(source["publish_url"])
        await wait_until(lambda: in_state(client, source["id"], "live"))
        answer = await client.post(f"/v1/sources/{source['id']}/rotate-key")
        assert await push.ended() != 0
        await wait_until(lambda: in_state(client, source["id"], "idle"))
        await encoder(answer.json()["publish_url"])
        await wait_until(lambda: in_state(client, source["id"], "live"))
        play = {"call": "play", "name": "any", "clientid": "1", "token": "guess"}
        assert (await client.post("/internal/rtmp/on_play", data=play)).status_code == 403
    await adds_up(reader)
    assert len(await reader.sessions(SessionState.STARTED)) == 2


async def test_a_call_stays_where_it_came_in_and_every_replica_shows_it(
    make_replica: MakeReplica, broker: RedisBroker
) -> None:
    async with (
        replica(make_replica) as (_, client),
        replica(make_replica) as (base, other),
    ):
        source = await add(client)
        # the other one may not have heard of the source yet, and takes the call all the same
        async with websocket(base, PCM) as socket:
            await say(socket, hello(key=source["stream_key"]))
            started = await heard(socket)
            await socket.send(speech_like_pcm(1))
            await wait_until(lambda: in_state(client, source["id"], "live"))
            view = await shown(client, source["id"])
            assert view["session_id"] == started["session_id"]
            assert (view["open_sessions"], view["replica"]) == (1, await name_of(other))
            await say(socket, {"type": "end"})
            await closing(socket)
        await wait_until(lambda: in_state(client, source["id"], "idle"))
    (event,) = await ended(Reader(broker))
    assert event.frames == 1


async def test_an_upload_is_cancelled_through_any_replica(
    make_replica: MakeReplica, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    async with (
        replica(make_replica) as (_, client),
        replica(make_replica) as (_, other),
    ):
        session_id = await send(client, long_recording())
        await wait_until(lambda: reader.frames(stream=UPLOADS))
        answer = await other.delete(f"/v1/audio/{session_id}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "cancelled"
        assert (await client.get(f"/v1/audio/{session_id}")).json() == answer.json()
        again = await other.delete(f"/v1/audio/{session_id}")
        assert (again.status_code, "is cancelled" in again.text) == (409, True)
        assert (await other.delete("/v1/audio/nobody")).status_code == 404
        await wait_until(lambda: ended(reader))
    (event,) = await ended(reader)
    assert event.reason == "the upload was cancelled"
    assert event.frames == len(await reader.frames(stream=UPLOADS))
