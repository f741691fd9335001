"""Recordings and clients that are not as one would wish: each gets frames or a reason."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.recordings import RARE_KINDS, made, seconds_of, tone
from tests.integration.ingest.streams import Reader, wav
from tests.support.audio import speech_like_pcm
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Frame, SessionState
from tonewatch.shared.streams import UPLOADS

EDGE = "edge"
TYPE = f"multipart/form-data; boundary={EDGE}"
HEAD = (
    f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="call.wav"\r\n\r\n'
).encode()


async def taken_in(make_ingest: MakeIngest, broker: RedisBroker, body: bytes) -> list[Frame]:
    """The frames of a recording, once it is over."""
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        answer = await client.post("/v1/audio", files={"file": ("call", body)})
        assert answer.status_code == 202, answer.text
        await wait_until(lambda: is_over(client))
        (item,) = (await client.get("/v1/audio")).json()["items"]
        assert item["state"] == "published", item
    return await Reader(broker).frames(stream=UPLOADS)


async def is_over(client: AsyncClient) -> bool:
    items = (await client.get("/v1/audio")).json()["items"]
    return all(item["state"] != "publishing" for item in items)


async def connected(base: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a long upload has begun."""
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/audio HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\n"
    writer.write(head.encode() + b"Content-Length: 1000000000\r\n\r\n" + HEAD)
    return reader, writer


async def answer_during(base: str, chunk: bytes, *, every_seconds: float) -> tuple[bytes, int]:
    """The answer to an upload that never ends, and how much of it was sent before."""
    reader, writer = await connected(base)
    answer = bytearray()

    async def listen() -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(4096):
                answer.extend(part)

    listening, sent = asyncio.create_task(listen()), 0
    with contextlib.suppress(ConnectionError):
        while not listening.done() and not answer:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)
            await asyncio.sleep(every_seconds)
    writer.transport.abort()
    await asyncio.wait({listening})
    return bytes(answer), sent


@pytest.mark.parametrize(("arguments", "name"), RARE_KINDS)
async def test_rare_kinds_of_audio_become_frames_of_the_usual_kind(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    ffmpeg: str,
    tmp_path: Path,
    arguments: tuple[str, ...],
    name: str,
) -> None:
    body = await made(ffmpeg, tmp_path / name, *tone(3), *arguments)
    frames = await taken_in(make_ingest, broker, body)
    assert seconds_of(frames) == pytest.approx(3, abs=0.05)
    assert all(frame.level_dbfs > -60 for frame in frames[:3])


async def test_a_rate_that_changes_midway_leaves_the_time_as_it_was(
    make_ingest: MakeIngest, broker: RedisBroker, ffmpeg: str, tmp_path: Path
) -> None:
    parts = [
        await made(ffmpeg, tmp_path / f"{rate}.aac", *tone(3, rate), "-ar", str(rate))
        for rate in (44_100, 22_050)
    ]
    frames = await taken_in(make_ingest, broker, b"".join(parts))
    assert seconds_of(frames) == pytest.approx(6, abs=0.3)


async def test_timestamps_that_jump_neither_stretch_nor_lose_audio(
    make_ingest: MakeIngest, broker: RedisBroker, ffmpeg: str, tmp_path: Path
) -> None:
    """As when a recorder was paused for an hour, or its clock was set back."""
    parts = [
        await made(ffmpeg, tmp_path / f"{shift}.ts", *tone(2), "-output_ts_offset", str(shift))
        for shift in (10, 3600, 5)
    ]
    frames = await taken_in(make_ingest, broker, b"".join(parts))
    assert seconds_of(frames) == pytest.approx(6, abs=0.5)


async def test_a_body_above_the_limit_is_refused_long_before_its_end(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    """A body without end: an answer shows that it was not waited for, nor kept."""
    service = make_ingest(max_upload_bytes=1_000_000)
    async with running(service) as base:
        answer, sent = await answer_during(base, bytes(64 * 1024), every_seconds=0)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"larger than the limit of 1000000 bytes" in answer
        assert list((tmp_path / "data" / "spool").iterdir()) == []
    # what the sockets hold on both sides
    assert sent < 32_000_000


async def test_a_client_that_trickles_is_told_when_its_time_is_over(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    service = make_ingest(upload_receive_seconds=0.5)
    async with running(service) as base:
        answer, _ = await answer_during(base, b"x", every_seconds=0.05)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"was not all here after 0.5 s" in answer
        assert b"ingest.upload_receive_seconds" in answer
        assert list((tmp_path / "data" / "spool").iterdir()) == []


async def test_nothing_is_left_of_a_client_that_vanishes(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    spool = tmp_path / "data" / "spool"
    async with running(make_ingest()) as base:
        _, writer = await connected(base)
        writer.write(bytes(100_000))
        await writer.drain()
        await wait_until(lambda: spool.is_dir() and any(spool.iterdir()))
        writer.transport.abort()
        await wait_until(lambda: not any(spool.iterdir()))
        async with create_client(base_url=base) as client:
            answer = await client.post("/v1/audio", files={"file": ("a.wav", wav(b""))})
            assert answer.status_code == 400
    assert await Reader(broker).sessions(SessionState.STARTED) == []


async def test_a_file_that_breaks_off_says_so_and_keeps_what_was_there(
    make_ingest: MakeIngest, broker: RedisBroker, ffmpeg: str, tmp_path: Path
) -> None:
    """A WAV whose header promises more is no damage to ffmpeg: what is there is taken in."""
    body = wav(speech_like_pcm(5))[: 3 * 32_000 + 44]
    frames = await taken_in(make_ingest, broker, body)
    assert seconds_of(frames) == 3
