"""Uploads: good ones become frames, bad ones an answer that says what was wrong."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, wav
from tests.support.audio import speech_like_pcm, write_wav
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.uploads.backlog import AHEAD_FRAMES, LOOK_EVERY_FRAMES
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.http import AsyncClient, Response, create_client
from tonewatch.shared.messages import Lane, SessionState
from tonewatch.shared.streams import FRAMES, UPLOADS


async def send(client: AsyncClient, body: bytes, name: str = "call.wav", **form: str) -> Response:
    return await client.post("/v1/audio", files={"file": (name, body)}, data=form)


async def published(client: AsyncClient, session_id: str) -> bool:
    found: bool = (await client.get(f"/v1/audio/{session_id}")).json()["state"] == "published"
    return found


async def test_a_recording_becomes_upload_frames_and_its_file_goes(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    pcm, reader = speech_like_pcm(3), Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        answer = await send(client, wav(pcm), name="Über.wav", labels='{"agent_id": "7"}')
        assert answer.status_code == 202, answer.text
        accepted = answer.json()
        await wait_until(lambda: published(client, accepted["session_id"]))
        view = (await client.get(f"/v1/audio/{accepted['session_id']}")).json()
    rows = await reader.entries(UPLOADS)
    frames = await reader.frames(stream=UPLOADS)
    assert b"".join(fields["pcm"] for _, _, fields in rows) == pcm
    assert [frame.final for frame in frames] == [False, False, True]
    assert {frame.lane for frame in frames} == {Lane.UPLOAD}
    assert {frame.labels["agent_id"] for frame in frames} == {"7"}
    offsets = [(f.captured_at - frames[0].captured_at).total_seconds() for f in frames]
    assert offsets == [0, 1, 2]
    assert await reader.entries(FRAMES) == []
    assert accepted["name"] == "Über.wav"
    assert view == {
        "session_id": accepted["session_id"],
        "name": "Über.wav",
        "state": "published",
        "frames": 3,
        "duration_seconds": 3.0,
        "progress": 1.0,
        "error": None,
        "created_at": iso_utc(frames[0].captured_at),
    }
    ended = await reader.sessions(SessionState.ENDED)
    assert [(event.frames, event.kind) for event in ended] == [(3, "upload")]
    assert list((tmp_path / "data" / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"this is no audio" * 500, 400, "no audio that ffmpeg can read"),
        (wav(b""), 400, "no audio"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n", 400, "cannot be used"),
        (bytes(200_000), 413, "larger than the limit of 100000 bytes"),
    ],
    ids=["empty", "text", "no samples", "playlist", "too large"],
)
async def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    tmp_path: Path,
    body: bytes,
    status: int,
    words: str,
) -> None:
    service = make_ingest(max_upload_bytes=100_000)
    async with running(service) as base, create_client(base_url=base) as client:
        answer = await send(client, body)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert await Reader(broker).sessions(SessionState.STARTED) == []
    assert list((tmp_path / "data" / "spool").iterdir()) == []


async def test_a_video_without_sound_is_refused(
    make_ingest: MakeIngest, ffmpeg: str, tmp_path: Path
) -> None:
    path = tmp_path / "silent.mkv"
    colour = ["-f", "lavfi", "-i", "color=size=32x32:duration=1"]
    command = [ffmpeg, "-loglevel", "error", *colour, str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        answer = await send(client, path.read_bytes(), name="silent.mkv")
    assert answer.status_code == 400
    assert "there is no audio track in it" in answer.json()["detail"]


async def test_a_recording_that_is_too_long_is_refused(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    body = write_wav(tmp_path / "long.wav", speech_like_pcm(4)).read_bytes()
    service = make_ingest(max_upload_seconds=3)
    async with running(service) as base, create_client(base_url=base) as client:
        answer = await send(client, body)
    assert answer.status_code == 413
    assert "the limit is 3 s" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("request_parts", "words"),
    [
        ({"json": {"file": "call.wav"}}, "multipart/form-data"),
        ({"files": {"other": ("a.wav", b"x")}}, "no file in the field 'file'"),
        ({"files": {"file": ("a.wav", b"x")}, "data": {"labels": "[1]"}}, "labels"),
    ],
    ids=["json", "other field", "labels"],
)
async def test_a_form_that_cannot_be_used_is_refused_with_the_reason(
    make_ingest: MakeIngest, request_parts: dict[str, Any], words: str
) -> None:
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        answer = await client.post("/v1/audio", **request_parts)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


async def test_a_long_recording_waits_for_its_scores(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    """Nobody scores here, so the recording stops far from its end."""
    body = wav(bytes(32_000 * 600))
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = (await send(client, body)).json()["session_id"]
        await wait_until(lambda: _many(broker, AHEAD_FRAMES))
        seen = await _settled_count(broker)
        state = (await client.get(f"/v1/audio/{session_id}")).json()["state"]
    assert state == "publishing"
    assert seen <= AHEAD_FRAMES + LOOK_EVERY_FRAMES


async def _many(broker: RedisBroker, least: int) -> bool:
    return len(await Reader(broker).frames(stream=UPLOADS)) >= least


async def _settled_count(broker: RedisBroker) -> int:
    """The number of upload frames once it has stopped growing."""
    counts = [-1, 0]

    async def grew_not() -> bool:
        counts.append(len(await Reader(broker).frames(stream=UPLOADS)))
        return counts[-1] == counts[-2]

    await wait_until(grew_not, interval_seconds=0.5)
    return counts[-1]
