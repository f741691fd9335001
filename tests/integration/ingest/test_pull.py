"""Pulled URLs: to frames, through trouble, and back."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer, wav
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import FRAME_BYTES, SessionState
from tonewatch.shared.streams import FRAMES


async def add(client: AsyncClient, name: str, url: str) -> str:
    answer = await client.post("/v1/sources", json={"name": name, "url": url})
    assert answer.status_code == 201, answer.text
    source_id: str = answer.json()["id"]
    return source_id


async def state(client: AsyncClient, source_id: str) -> str:
    found: str = (await client.get(f"/v1/sources/{source_id}")).json()["state"]
    return found


async def test_a_url_becomes_frames_that_hold_its_audio(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer
) -> None:
    pcm = speech_like_pcm(3.5)
    stream_server.bodies["/call.wav"] = wav(pcm)
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        url = stream_server.url("/call.wav").replace("//", "//user:secret@")
        source_id = await add(client, "line 1", url)
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
        await wait_until(lambda: _is(client, source_id, "ended"))
        shown = (await client.get(f"/v1/sources/{source_id}")).json()
        requests = len(stream_server.requests)
    rows = await reader.entries(FRAMES)
    frames = await reader.frames()
    ids = [entry_id for entry_id, _, _ in rows]
    assert b"".join(fields["pcm"] for _, _, fields in rows) == pcm
    assert [len(fields["pcm"]) for _, _, fields in rows] == [FRAME_BYTES] * 3 + [FRAME_BYTES // 2]
    assert [frame.seq for frame in frames] == [0, 1, 2, 3]
    assert [frame.final for frame in frames] == [False, False, False, True]
    assert [list(frame.history) for frame in frames] == [ids[:n] for n in range(4)]
    assert all(frame.speech > 0.5 for frame in frames)
    ended = (await reader.sessions(SessionState.ENDED))[0]
    assert (ended.frames, ended.source_id, ended.name) == (4, source_id, "line 1")
    assert "secret" not in str(shown)
    assert requests == 1, "a recording is not pulled again"


async def _is(client: AsyncClient, source_id: str, wanted: str) -> bool:
    return await state(client, source_id) == wanted


async def test_an_unreachable_url_backs_off_with_its_reason_while_another_goes_on(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    stream_server: StreamServer,
    free_port: Callable[[], int],
) -> None:
    stream_server.add_live("/live.wav", speech_like_pcm(5))
    stream_server.bodies["/page.wav"] = b"<html>no audio here</html>" * 200
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        dead = await add(client, "dead", f"http://127.0.0.1:{free_port()}/live")
        lost = await add(client, "lost", stream_server.url("/nothing.wav"))
        page = await add(client, "page", stream_server.url("/page.wav"))
        good = await add(client, "good", stream_server.url("/live.wav"))
        for source_id in (dead, lost, page):
            await wait_until(partial(_is, client, source_id, "backoff"))
        await wait_until(lambda: _is(client, good, "live"))
        await wait_until(lambda: _count(reader, good, 4))
        shown = {s["id"]: s for s in (await client.get("/v1/sources")).json()["items"]}
    assert "refused" in shown[dead]["reason"]
    assert "404" in shown[lost]["reason"]
    assert "no audio" in shown[page]["reason"]
    assert shown[good]["reason"] is None


async def _count(reader: Reader, source_id: str, least: int) -> bool:
    return len(await reader.frames(source_id)) >= least


async def test_a_silent_server_is_noticed_and_its_return_is_a_new_session(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer
) -> None:
    stream_server.add_live("/live.wav", speech_like_pcm(2.2))
    reader = Reader(broker)
    service = make_ingest(stall_seconds=3.0)
    async with running(service) as base, create_client(base_url=base) as client:
        source_id = await add(client, "line", stream_server.url("/live.wav"))
        await wait_until(lambda: _is(client, source_id, "stalled"))
        reason = (await client.get(f"/v1/sources/{source_id}")).json()["reason"]
        await wait_until(lambda: _ended(reader, 2))
        reconnects = (await client.get(f"/v1/sources/{source_id}")).json()["reconnects"]
    ended = await reader.sessions(SessionState.ENDED)
    assert reason == "no audio for 3 s"
    assert ended[0].reason == "no audio for 3 s"
    assert ended[0].frames == 3
    assert len({event.session_id for event in ended}) == len(ended)
    assert reconnects >= 1


async def _ended(reader: Reader, least: int) -> bool:
    return len(await reader.sessions(SessionState.ENDED)) >= least


async def test_a_live_stream_that_ends_is_tried_again(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer
) -> None:
    hang_up = stream_server.add_live("/live.wav", speech_like_pcm(4))
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        await add(client, "line", stream_server.url("/live.wav"))
        await wait_until(lambda: _count_all(reader, 2))
        hang_up.set()
        await wait_until(lambda: _ended(reader, 2))
    assert {event.reason for event in await reader.sessions(SessionState.ENDED)} == {
        "the stream ended"
    }


async def _count_all(reader: Reader, least: int) -> bool:
    return len(await reader.frames()) >= least


async def test_an_address_that_is_not_allowed_is_never_connected_to(
    make_ingest: MakeIngest, stream_server: StreamServer
) -> None:
    stream_server.bodies["/call.wav"] = wav(speech_like_pcm(1))
    async with running(make_ingest(egress={})) as base, create_client(base_url=base) as client:
        source_id = await add(client, "inside", stream_server.url("/call.wav"))
        await wait_until(lambda: _is(client, source_id, "failed"))
        reason = (await client.get(f"/v1/sources/{source_id}")).json()["reason"]
    assert "not an allowed address" in reason
    assert stream_server.requests == []


async def test_a_restarted_ingest_takes_up_every_source_but_no_finished_recording(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer, tmp_path: Path
) -> None:
    stream_server.add_live("/live.wav", speech_like_pcm(4))
    stream_server.bodies["/call.wav"] = wav(speech_like_pcm(1))
    declared = tmp_path / "sources.yaml"
    declared.write_text(
        f"sources:\n  - name: declared\n    url: {stream_server.url('/live.wav')}\n"
    )
    reader = Reader(broker)
    async with (
        running(make_ingest(sources_file=declared)) as base,
        create_client(base_url=base) as client,
    ):
        added = await add(client, "added", stream_server.url("/live.wav"))
        recording = await add(client, "recording", stream_server.url("/call.wav"))
        await wait_until(lambda: _is(client, recording, "ended"))
        await wait_until(lambda: _is(client, added, "live"))
        items = (await client.get("/v1/sources")).json()["items"]
        ids = {item["name"]: item["id"] for item in items}
        await wait_until(lambda: _is(client, ids["declared"], "live"))
    stopped = await reader.sessions(SessionState.ENDED, added)
    assert [event.reason for event in stopped] == ["ingest was stopped"]
    again = make_ingest(sources_file=declared)
    async with running(again) as base, create_client(base_url=base) as client:
        for name in ("added", "declared"):
            await wait_until(partial(_is, client, ids[name], "live"))
        assert await state(client, recording) == "ended"
    assert len(await reader.sessions(SessionState.STARTED, added)) == 2
    assert len(await reader.sessions(SessionState.STARTED, recording)) == 1


async def test_a_deleted_source_ends_its_session(
    make_ingest: MakeIngest, broker: RedisBroker, stream_server: StreamServer
) -> None:
    stream_server.add_live("/live.wav", speech_like_pcm(4))
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source_id = await add(client, "line", stream_server.url("/live.wav"))
        await wait_until(lambda: _is(client, source_id, "live"))
        assert (await client.delete(f"/v1/sources/{source_id}")).status_code == 204
        await wait_until(lambda: _ended(reader, 1))
        assert (await client.get(f"/v1/sources/{source_id}")).status_code == 404
    assert [e.reason for e in await reader.sessions(SessionState.ENDED)] == [
        "the source was deleted"
    ]
