"""RTMP push through a real nginx-rtmp with the project's own configuration."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.ingest.conftest import MakeIngest, StartNginx
from tests.integration.ingest.streams import Reader
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.live.door import Door
from tonewatch.ingest.live.publishes import PublishRepository
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState

StartEncoder = Callable[..., Any]


async def add_rtmp(client: AsyncClient) -> dict[str, Any]:
    answer = await client.post("/v1/sources", json={"name": "studio", "kind": "rtmp"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def shown(client: AsyncClient, source_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/v1/sources/{source_id}")).json()
    return found


async def in_state(client: AsyncClient, source_id: str, state: str) -> bool:
    found: bool = (await shown(client, source_id))["state"] == state
    return found


async def has_frames(reader: Reader, least: int) -> bool:
    return len(await reader.frames()) >= least


async def test_a_publisher_with_the_key_is_heard_and_its_end_is_noticed(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        log = await nginx(base)
        source = await add_rtmp(client)
        assert source["state"] == "idle"
        push = await encoder(source["publish_url"], seconds=4)
        await wait_until(lambda: in_state(client, source["id"], "live"))
        assert await push.ended() == 0
        await wait_until(lambda: in_state(client, source["id"], "idle"))
        view = await shown(client, source["id"])
        # the same key once more, now in the query: a new session
        again = await encoder(f"{live}/camera?key={source['stream_key']}", seconds=2)
        await again.ended()
        await wait_until(lambda: _ended(reader, 2))
        listed = (await client.get("/v1/sources")).text
    started = await reader.sessions(SessionState.STARTED)
    ended = await reader.sessions(SessionState.ENDED)
    frames = [f for f in await reader.frames() if f.session_id == started[0].session_id]
    assert 3 <= len(frames) <= 5
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert ended[0].frames == len(frames)
    assert ended[0].reason in ("the stream ended", "the publisher left")
    assert len({event.session_id for event in started}) == 2
    assert view["reason"] == "the publisher left"
    assert source["stream_key"] not in listed + log.read_text()


async def _ended(reader: Reader, least: int) -> bool:
    return len(await reader.sessions(SessionState.ENDED)) >= least


async def test_a_wrong_key_is_refused_at_publish_and_nobody_else_may_play(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        await add_rtmp(client)
        push = await encoder(f"{live}/not-the-key", seconds=20)
        assert await push.ended() != 0
        play = {"call": "play", "name": "any", "clientid": "1", "token": "guess"}
        answer = await client.post("/internal/rtmp/on_play", data=play)
        assert answer.status_code == 403
    assert await Reader(broker).sessions(SessionState.STARTED) == []


async def test_a_new_publisher_with_the_same_key_wins(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = await add_rtmp(client)
        first = await encoder(source["publish_url"])
        await wait_until(lambda: has_frames(reader, 1))
        await encoder(source["publish_url"])
        await wait_until(lambda: _ended(reader, 1))
        assert await first.ended() != 0, "the replaced encoder is disconnected"
        await wait_until(lambda: _started(reader, 2))
        assert await in_state(client, source["id"], "live")
    ended = await reader.sessions(SessionState.ENDED)
    assert ended[0].reason == "a new publisher took the stream key over"
    assert len(ended) == 2


async def _started(reader: Reader, least: int) -> bool:
    return len(await reader.sessions(SessionState.STARTED)) >= least


async def test_a_rotated_key_ends_the_session_and_only_the_new_key_works(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = await add_rtmp(client)
        first = await encoder(source["publish_url"])
        await wait_until(lambda: has_frames(reader, 1))
        answer = await client.post(f"/v1/sources/{source['id']}/rotate-key")
        fresh = answer.json()
        assert fresh["stream_key"] != source["stream_key"]
        assert await first.ended() != 0
        old = await encoder(source["publish_url"])
        assert await old.ended() != 0
        await encoder(fresh["publish_url"])
        await wait_until(lambda: in_state(client, source["id"], "live"))
    reasons = [event.reason for event in await reader.sessions(SessionState.ENDED)]
    assert reasons == ["the stream key was changed", "ingest was stopped"]


async def test_a_restarted_ingest_goes_on_with_who_is_still_pushing(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
    free_port: Callable[[], int],
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    options = {"port": free_port(), "rtmp_play_base": live, "rtmp_publish_base": live}
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = await add_rtmp(client)
        await encoder(source["publish_url"])
        await wait_until(lambda: has_frames(reader, 2))
    async with running(make_ingest(**options)) as base, create_client(base_url=base) as client:
        await wait_until(lambda: in_state(client, source["id"], "live"))
        await wait_until(lambda: _started(reader, 2))
    started = await reader.sessions(SessionState.STARTED)
    assert len({event.session_id for event in started}) == 2


async def test_an_encoder_that_also_sends_video_is_heard(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = await add_rtmp(client)
        await encoder(source["publish_url"], video=True)
        await wait_until(lambda: has_frames(reader, 2))
    assert len(await reader.sessions(SessionState.STARTED)) == 1


async def test_a_publisher_that_waits_long_for_its_answer_is_not_dropped(
    make_ingest: MakeIngest,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after an outage, when encoders come back by the hundred: nginx reports it meanwhile."""
    reported, put, update = asyncio.Event(), PublishRepository.put, Door.update

    async def put_late(*args: Any, **kwargs: Any) -> None:
        await reported.wait()
        await put(*args, **kwargs)

    async def note_report(*args: Any) -> None:
        await update(*args)
        reported.set()

    monkeypatch.setattr(PublishRepository, "put", put_late)
    monkeypatch.setattr(Door, "update", note_report)
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = await add_rtmp(client)
        await encoder(source["publish_url"], seconds=60)
        await wait_until(lambda: in_state(client, source["id"], "live"))
