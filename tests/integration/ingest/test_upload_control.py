"""Uploads under way: how far they are, the list of them, and ending one."""

import asyncio
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, wav
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.uploads import Upload, UploadStore
from tonewatch.shared.broker import GroupState, RedisBroker
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState, Speaker
from tonewatch.shared.streams import UPLOADS

LONG_SECONDS = 600
"""Nobody scores in these tests, so such a recording stops far from its end."""


def long_recording() -> bytes:
    return wav(bytes(32_000 * LONG_SECONDS))


async def send(client: AsyncClient, body: bytes, name: str = "call.wav", **form: str) -> str:
    answer = await client.post("/v1/audio", files={"file": (name, body)}, data=form)
    assert answer.status_code == 202, answer.text
    session_id: str = answer.json()["session_id"]
    return session_id


async def view(client: AsyncClient, session_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/v1/audio/{session_id}")).json()
    return found


async def test_an_upload_says_what_share_of_it_was_taken_in(make_ingest: MakeIngest) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await send(client, long_recording())

        async def under_way() -> bool:
            return bool((await view(client, session_id))["progress"])

        await wait_until(under_way)
        found = await view(client, session_id)
    assert found["progress"] == pytest.approx(found["duration_seconds"] / LONG_SECONDS, abs=1e-3)
    assert 0 < found["progress"] < 0.5


async def test_a_recording_that_does_not_say_how_long_it_is_has_no_progress(
    make_ingest: MakeIngest, ffmpeg: str
) -> None:
    tone = ("-f", "lavfi", "-i", f"sine=sample_rate=8000:duration={LONG_SECONDS}")
    # into a pipe, where ffmpeg cannot go back to write the length
    command = [ffmpeg, "-loglevel", "error", *tone, "-f", "matroska", "pipe:1"]
    made = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    body = made.stdout
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await send(client, body)
        assert (await view(client, session_id))["progress"] is None


async def test_a_cancelled_upload_ends_its_session_and_stays_in_the_list(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await send(client, long_recording(), channels="mixed")
        await wait_until(lambda: reader.frames(stream=UPLOADS))
        answer = await client.delete(f"/v1/audio/{session_id}")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["state"], answer.json()["error"]) == (
            "cancelled",
            "the upload was cancelled",
        )
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
        assert list((tmp_path / "data" / "spool").iterdir()) == []
        assert (await client.get("/v1/audio")).json()["items"] == [answer.json()]
    (ended,) = await reader.sessions(SessionState.ENDED)
    frames = await reader.frames(stream=UPLOADS)
    assert ended.reason == "the upload was cancelled"
    assert ended.frames == len(frames) == answer.json()["frames"]
    assert [frame.seq for frame in frames] == list(range(len(frames)))


async def test_an_upload_ends_though_a_question_to_redis_swallows_the_cancellation(
    make_ingest: MakeIngest, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = asyncio.Event()

    async def deaf(*_: Any) -> list[GroupState]:
        asking.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return [GroupState(n, "inference", 1, 0) for n in range(broker.partitions)]

    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        monkeypatch.setattr(broker, "group_states", deaf)
        session_id = await send(client, long_recording())
        await asyncio.wait_for(asking.wait(), 30)
        answer = await client.delete(f"/v1/audio/{session_id}")
        assert answer.json()["state"] == "cancelled"


async def test_a_recording_that_just_begins_ends_with_ingest(
    make_ingest: MakeIngest, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning, add, stopped = asyncio.Event(), UploadStore.add, asyncio.Event()

    async def slow(store: UploadStore, upload: Upload) -> None:
        beginning.set()
        await stopped.wait()
        await asyncio.sleep(0.2)  # whoever does not wait is over by now
        await add(store, upload)

    monkeypatch.setattr(UploadStore, "add", slow)
    async with create_client() as client:
        async with running(make_ingest()) as base:
            files = {"file": ("call.wav", long_recording())}
            sending = asyncio.create_task(client.post(f"{base}/v1/audio", files=files))
            await asyncio.wait_for(beginning.wait(), 30)
            asyncio.get_running_loop().call_later(0.1, stopped.set)
        session_id = (await sending).json()["session_id"]
    (ended,) = await Reader(broker).sessions(SessionState.ENDED)
    assert (ended.session_id, ended.frames) == (session_id, 0)
    assert "upload the file again" in (ended.reason or "")


async def test_whom_ffmpeg_keeps_waiting_is_told_that_ingest_stops(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    silent = tmp_path / "ffmpeg"
    silent.write_text("#!/bin/sh\ntouch $(dirname $0)/started\nexec sleep 60\n")
    silent.chmod(0o755)
    async with create_client() as client:
        async with running(make_ingest(ffmpeg=str(silent))) as base:
            files = {"file": ("call.wav", wav(bytes(32_000)))}
            sending = asyncio.create_task(client.post(f"{base}/v1/audio", files=files))
            await wait_until((tmp_path / "started").exists)
        answer = await sending
    assert answer.status_code == 503
    assert "being stopped" in answer.json()["detail"]


async def test_ingest_ends_though_redis_never_takes_what_was_read(
    make_ingest: MakeIngest, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        running(make_ingest(drain_seconds=0.5)) as base,
        create_client(base_url=base) as client,
    ):
        await wait_until(lambda: broker.group_states(UPLOADS))

        async def away(*_: Any) -> list[str]:
            raise UnavailableError("no answer")

        monkeypatch.setattr(broker, "publish", away)
        session_id = await send(client, wav(speech_like_pcm(1)))
    monkeypatch.undo()
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        found = await view(client, session_id)
    assert found["state"] == "failed"
    assert "upload the file again" in found["error"]


async def test_a_call_that_is_cancelled_leaves_both_tracks_equally_long(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader = Reader(broker)
    body = bytearray(wav(bytes(4 * 16_000 * LONG_SECONDS)))
    body[22:24], body[28:32], body[32:34] = b"\x02\0", (64_000).to_bytes(4, "little"), b"\x04\0"
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await send(client, bytes(body), channels="left=customer,right=agent")
        await wait_until(lambda: reader.frames(stream=UPLOADS))
        await client.delete(f"/v1/audio/{session_id}")
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
    (ended,) = await reader.sessions(SessionState.ENDED)
    frames = await reader.frames(stream=UPLOADS)
    for speaker in (Speaker.CUSTOMER, Speaker.AGENT):
        seqs = [frame.seq for frame in frames if frame.speaker is speaker]
        assert seqs == list(range(ended.frames or 0))


async def test_what_is_over_or_unknown_cannot_be_cancelled(make_ingest: MakeIngest) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await send(client, wav(speech_like_pcm(1)))

        async def is_published() -> bool:
            return bool((await view(client, session_id))["state"] == "published")

        await wait_until(is_published)
        over = await client.delete(f"/v1/audio/{session_id}")
        unknown = await client.delete("/v1/audio/nobody")
        cancelled = await send(client, long_recording())
        await client.delete(f"/v1/audio/{cancelled}")
        twice = await client.delete(f"/v1/audio/{cancelled}")
    assert over.status_code == 409
    assert "is published: nothing is left to cancel" in over.json()["detail"]
    assert unknown.status_code == 404
    assert twice.status_code == 409
    assert "is cancelled" in twice.json()["detail"]


async def test_the_list_is_read_page_by_page_newest_first(make_ingest: MakeIngest) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        sent = [await send(client, wav(speech_like_pcm(1)), name=f"{n}.wav") for n in range(5)]
        pages, cursor = [], None
        while True:
            query = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
            page = (await client.get("/v1/audio", params=query)).json()
            pages.append([item["session_id"] for item in page["items"]])
            if (cursor := page["next_cursor"]) is None:
                break
        newest = (await client.get("/v1/audio", params={"limit": 1})).json()["items"][0]
    sent.reverse()
    assert pages == [sent[0:2], sent[2:4], sent[4:]]
    assert newest["name"] == "4.wav"


async def test_several_uploads_end_together_with_ingest(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    service = make_ingest()
    async with running(service) as base, create_client(base_url=base) as client:
        ids = await asyncio.gather(*(send(client, long_recording()) for _ in range(3)))
        await wait_until(lambda: Reader(broker).frames(stream=UPLOADS))
    ended = await Reader(broker).sessions(SessionState.ENDED)
    assert {event.session_id for event in ended} == set(ids)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        items = (await client.get("/v1/audio")).json()["items"]
    assert {item["state"] for item in items} == {"failed"}
    assert all("upload the file again" in item["error"] for item in items)
