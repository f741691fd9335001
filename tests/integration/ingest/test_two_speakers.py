"""Two channels become two tracks in step, and who is not monitored leaves no audio behind."""

import asyncio
import struct

import numpy as np
import pytest

from tests.integration.ingest.calls import SPLIT, has_frames, tracks
from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.acting import user_header
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Frame, SessionState, Speaker
from tonewatch.shared.streams import UPLOADS


def stereo(left: bytes, right: bytes, *, endless: bool = False) -> bytes:
    """A WAV of two channels at 16 kHz."""
    pcm = np.stack([np.frombuffer(side, dtype="<i2") for side in (left, right)], axis=1).tobytes()
    size = 0xFFFFFFFF if endless else len(pcm)
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", size if endless else size + 36, b"WAVE",
                         b"fmt ", 16, 1, 2, 16_000, 64_000, 4, 16, b"data", size)  # fmt: skip
    return header + pcm


async def upload(client: AsyncClient, body: bytes, **form: str) -> str:
    answer = await client.post("/v1/audio", files={"file": ("call.wav", body)}, data=form)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["session_id"])


async def published(client: AsyncClient, session_id: str) -> bool:
    return bool((await client.get(f"/v1/audio/{session_id}")).json()["state"] == "published")


@pytest.mark.parametrize(
    ("layout", "left", "right"),
    [
        (SPLIT, Speaker.CUSTOMER, Speaker.AGENT),
        ("left=agent,right=customer", Speaker.AGENT, Speaker.CUSTOMER),
    ],
)
async def test_an_upload_of_two_channels_becomes_two_tracks(
    make_ingest: MakeIngest, broker: RedisBroker, layout: str, left: Speaker, right: Speaker
) -> None:
    reader, sides = Reader(broker), (speech_like_pcm(2.5), speech_like_pcm(2.5)[::-1])
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await upload(client, stereo(*sides), channels=layout)
        await wait_until(lambda: published(client, session_id))
    assert await tracks(reader, stream=UPLOADS) == {left: sides[0], right: sides[1]}
    frames = await reader.frames(stream=UPLOADS)
    assert [f.final for f in frames if f.speaker is left] == [False, False, True]
    (ended,) = await reader.sessions(SessionState.ENDED)
    assert (ended.frames, set(ended.speakers)) == (3, {left, right})
    # each frame names the frames before it of its own track; ids of two partitions may be alike
    entries = await reader.entries(UPLOADS)
    seqs = {(m.speaker, key): m.seq for key, m, _ in entries if isinstance(m, Frame)}
    for frame in frames:
        before = [seqs[frame.speaker, key] for key in frame.history]
        assert before == list(range(frame.seq))


async def test_who_is_not_monitored_leaves_nothing_behind(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, sides = Reader(broker), (speech_like_pcm(2), speech_like_pcm(2)[::-1])
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await upload(client, stereo(*sides), channels=SPLIT, policy='{"agent": "off"}')
        await wait_until(lambda: published(client, session_id))
    assert await tracks(reader, stream=UPLOADS) == {Speaker.CUSTOMER: sides[0]}
    (ended,) = await reader.sessions(SessionState.ENDED)
    assert ended.speakers == (Speaker.CUSTOMER,)


async def adts(ffmpeg: str, pcm: bytes, channels: int) -> bytes:
    """AAC whose parts can be put behind each other."""
    raw = ("-f", "s16le", "-ar", "16000", "-ac", str(channels))
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg, "-loglevel", "error", *raw, "-i", "pipe:0", "-f", "adts", "pipe:1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    coded, _ = await process.communicate(pcm)
    assert process.returncode == 0
    return coded


async def test_a_call_that_turns_mono_midway_lets_nobody_hear_who_is_not_monitored(
    make_ingest: MakeIngest, broker: RedisBroker, ffmpeg: str
) -> None:
    reader, voice = Reader(broker), speech_like_pcm(3)
    apart = stereo(bytes(len(voice)), voice)[44:]  # the customer says nothing
    body = await adts(ffmpeg, apart, 2) + await adts(ffmpeg, voice, 1)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        session_id = await upload(client, body, channels=SPLIT, policy='{"agent": "off"}')
        view: dict[str, str] = {}

        async def failed() -> bool:
            nonlocal view
            view = (await client.get(f"/v1/audio/{session_id}")).json()
            return bool(view["state"] == "failed")

        await wait_until(failed)
    assert "from here on the audio has one channel" in view["error"]
    heard = await tracks(reader, stream=UPLOADS)
    assert set(heard) == {Speaker.CUSTOMER}
    assert 2 <= len(heard[Speaker.CUSTOMER]) / 32_000 <= 3.5
    assert np.abs(np.frombuffer(heard[Speaker.CUSTOMER], dtype="<i2")).max() < 200


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"channels": SPLIT}, "one channel"),
        ({"channels": "left"}, "channels: must be one of"),
        ({"channels": SPLIT, "policy": "no"}, "policy: must be a JSON object"),
        ({"channels": SPLIT, "policy": '{"agent": "off", "customer": "off"}'}, "stay on"),
        ({"policy": '{"agent": "off"}'}, "agent has no channel"),
    ],
)
async def test_an_upload_that_cannot_be_split_so_is_refused_with_the_reason(
    make_ingest: MakeIngest, form: dict[str, str], words: str
) -> None:
    pcm = np.frombuffer(speech_like_pcm(1), dtype="<i2")
    mono = stereo(pcm.tobytes(), pcm.tobytes()).replace(
        struct.pack("<HHIIHH", 1, 2, 16_000, 64_000, 4, 16),
        struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16),
    )
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        answer = await client.post("/v1/audio", files={"file": ("call.wav", mono)}, data=form)
    assert answer.status_code == 400
    assert words in answer.text


async def test_a_live_source_is_split_and_a_changed_policy_is_kept_and_noted(
    make_ingest: MakeIngest, broker: RedisBroker
) -> None:
    reader, sides = Reader(broker), (speech_like_pcm(3), speech_like_pcm(3)[::-1])
    async with StreamServer() as server:
        server.bodies["/call"] = stereo(*sides, endless=True)
        server.live["/call"] = asyncio.Event()
        async with running(make_ingest()) as base, create_client(base_url=base) as client:
            body = {"name": "line 4", "url": server.url("/call"), "channels": SPLIT}
            source = (await client.post("/v1/sources", json=body)).json()
            assert source["policy"] == {"customer": "on", "agent": "on"}
            await wait_until(lambda: has_frames(reader, 4))
            heard = await tracks(reader)
            assert sides[0].startswith(heard[Speaker.CUSTOMER])
            assert sides[1].startswith(heard[Speaker.AGENT])
            changed = await client.patch(
                f"/v1/sources/{source['id']}",
                json={"policy": {"agent": "off"}},
                headers=user_header("陈"),
            )
            assert changed.json()["policy"] == {"customer": "on", "agent": "off"}
            await wait_until(lambda: has_frames(reader, 7))
            entry = (await client.get("/v1/audit")).json()["items"][0]
    assert (entry["actor"], entry["action"]) == ("陈", "source.changed")
    assert entry["details"]["before"]["unmonitored"] == []
    assert entry["details"]["after"]["unmonitored"] == ["agent"]
    first, second = await reader.sessions(SessionState.STARTED)
    assert set(first.speakers) == {Speaker.CUSTOMER, Speaker.AGENT}
    assert second.speakers == (Speaker.CUSTOMER,)
    later = [f for f in await reader.frames() if f.session_id == second.session_id]
    assert {frame.speaker for frame in later} == {Speaker.CUSTOMER}
