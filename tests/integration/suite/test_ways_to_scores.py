"""Over every way in a real file becomes scores: ingest and a worker with the fake engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.calls import SPLIT, add, file_pcm, has_frames
from tests.integration.ingest.conftest import (
    MakeIngest,
    StartNginx,
    make_ingest,
    nginx,
    rtmp_port,
)
from tests.integration.ingest.streams import Reader, StreamServer
from tests.support import librtmp
from tests.support.rtsp import RtspServer
from tests.support.running import running
from tests.support.sockets import (
    AsteriskCall,
    TwilioCall,
    audiosocket_frame,
    backwards,
    encode_mulaw,
    every_second_sample,
    hello,
    interleaved,
    pieces,
    say,
    websocket,
)
from tests.support.wait import wait_until
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceOptions, InferenceSettings
from tonewatch.ingest.media import require_protocol
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Granularity, SessionState, Speaker

__all__ = ["make_ingest", "nginx", "rtmp_port"]

SAMPLE = Path("services/console/src/tonewatch/console/samples/synthetic-calm.flac")
SECONDS = 3
RADIO = "application radio { live on; publish_notify on; idle_streams off; }"
"""Somebody else's RTMP server, on which everybody may publish and play."""
MIXED = {Speaker.MIXED}
BOTH = {Speaker.CUSTOMER, Speaker.AGENT}


@dataclass
class Rig:
    """What a way needs."""

    base: str
    client: AsyncClient
    service: Any
    file: Path
    ffmpeg: str
    free_port: Callable[[], int]

    @property
    def pcm(self) -> bytes:
        """The file's samples."""
        return file_pcm(self.file)

    @asynccontextmanager
    async def playing(
        self, *output: str, times: int = 1
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """An ffmpeg that plays the file in real time to an output."""
        process = await asyncio.create_subprocess_exec(
            *(self.ffmpeg, "-nostdin", "-loglevel", "error", "-re"),
            *("-stream_loop", str(times - 1), "-i", str(self.file), "-c:a", "aac", *output),
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


Way = Callable[[Rig], Awaitable[None]]


async def http(rig: Rig) -> None:
    """A file behind a URL."""
    async with StreamServer() as server:
        server.bodies["/call.wav"] = await asyncio.to_thread(rig.file.read_bytes)
        await add(rig.client, "pull", url=server.url("/call.wav"))
        await wait_until(lambda: _ended(rig))


async def hls(rig: Rig) -> None:
    """A playlist and its segments."""
    folder = rig.file.parent / "hls"
    await asyncio.to_thread(folder.mkdir)
    async with rig.playing("-f", "hls", "-hls_time", "1", "-hls_list_size", "0",
                           str(folder / "index.m3u8")) as process:  # fmt: skip
        assert await process.wait() == 0
    async with StreamServer() as server:
        for file in sorted(await asyncio.to_thread(lambda: list(folder.iterdir()))):
            server.bodies[f"/{file.name}"] = await asyncio.to_thread(file.read_bytes)
        await add(rig.client, "pull", url=server.url("/index.m3u8"))
        await wait_until(lambda: _ended(rig), timeout_seconds=20)


async def rtsp(rig: Rig) -> None:
    """A camera; it has a sound of its own."""
    async with RtspServer(seconds=SECONDS + 0.5) as server:
        await add(rig.client, "pull", url=f"rtsp://127.0.0.1:{server.port}/line")
        await wait_until(lambda: _ended(rig))


async def srt(rig: Rig) -> None:
    """A caller that listens."""
    port = rig.free_port()
    url = f"srt://127.0.0.1:{port}"
    async with rig.playing("-f", "mpegts", f"{url}?mode=listener"):
        await wait_until(lambda: _listens(port))
        await add(rig.client, "pull", url=url)
        await wait_until(lambda: _ended(rig), timeout_seconds=20)


async def folder_file(rig: Rig) -> None:
    """A file of the mounted folder."""
    await add(rig.client, "pull", url=f"file:{rig.file.name}")
    await wait_until(lambda: _ended(rig))


async def upload(rig: Rig) -> None:
    """A recording."""
    body = await asyncio.to_thread(rig.file.read_bytes)
    answer = await rig.client.post("/v1/audio", files={"file": ("call.wav", body)})
    assert answer.status_code == 202, answer.text


async def generic_websocket(rig: Rig) -> None:
    """PCM on two channels."""
    source = await add(rig.client, channels=SPLIT)
    async with websocket(rig.base, "/v1/ws/pcm") as socket:
        await say(socket, hello(key=source["stream_key"], channels=2))
        for piece in pieces(interleaved(rig.pcm, backwards(rig.pcm)), 6400):
            await socket.send(piece)
        await say(socket, {"type": "end"})
        await socket.wait_closed()


async def twilio(rig: Rig) -> None:
    """Both sides of a call in mu-law."""
    source = await add(rig.client)
    sides = (rig.pcm, backwards(rig.pcm))
    coded = [pieces(encode_mulaw(every_second_sample(side)), 160) for side in sides]
    async with websocket(rig.base, "/v1/ws/twilio") as socket:
        call = TwilioCall(socket)
        await call.start({"key": source["stream_key"]})
        for number, (caller, desk) in enumerate(zip(*coded, strict=True)):
            await call.media("inbound", 20 * number, caller)
            await call.media("outbound", 20 * number, desk)
        await call.stop()
        await socket.wait_closed()


async def freeswitch(rig: Rig) -> None:
    """Bare L16; the socket is closed after the last audio, without a word."""
    source = await add(rig.client)
    url = f"/v1/ws/freeswitch?key={source['stream_key']}&rate=16000&channels=1"
    async with websocket(rig.base, url) as socket:
        for piece in pieces(rig.pcm, 640):
            await socket.send(piece)


async def asterisk(rig: Rig) -> None:
    """AudioSocket at 8 kHz."""
    source = await add(rig.client, "audiosocket")
    call = await AsteriskCall.dial(rig.service.audiosocket.port, source["stream_key"])
    await call.audio(every_second_sample(rig.pcm))
    await call.send(audiosocket_frame(0x00))
    assert await call.answered() == b""
    await call.close()


async def _ended(rig: Rig) -> bool:
    """Whether the pulled source was live and is not any more."""
    items = (await rig.client.get("/v1/sources")).json()["items"]
    (source,) = [item for item in items if item["kind"] == "pull"]
    history = (await rig.client.get(f"/v1/sources/{source['id']}/history")).json()["items"]
    return source["state"] != "live" and any(each["state"] == "live" for each in history)


async def _listens(port: int) -> bool:
    """Whether somebody listens; to connect would take the only place."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "udp")]
    text = "".join([await asyncio.to_thread(table.read_text) for table in tables])
    return f"0100007F:{port:04X} 00000000:0000" in text


@pytest.fixture
async def file(ffmpeg: str, tmp_path: Path) -> Path:
    """Some seconds of a sample, 16 kHz mono."""
    made = tmp_path / "call.wav"
    sample = Path(__file__).parents[3] / SAMPLE
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(sample), "-t", str(SECONDS)),
        *("-ac", "1", "-ar", "16000", str(made)),
    )
    assert await process.wait() == 0
    return made


@pytest.fixture
def rig_at(file: Path, ffmpeg: str, free_port: Callable[[], int]) -> Callable[..., Rig]:
    """Makes the rig, once the suite is there."""
    return partial(Rig, file=file, ffmpeg=ffmpeg, free_port=free_port)


@asynccontextmanager
async def suite(
    make: MakeIngest, broker: RedisBroker, folder: Path, **options: Any
) -> AsyncIterator[tuple[Any, str, AsyncClient]]:
    """Ingest and a worker."""
    service = make(audiosocket_port=0, recordings_dir=folder, **options)
    section = InferenceOptions(port=0, engine="fake")
    worker = InferenceService(InferenceSettings(inference=section, data_dir=folder), broker)
    async with running(worker), running(service) as base, create_client(base_url=base) as client:
        yield service, base, client


async def all_scored(reader: Reader, speakers: set[Speaker]) -> bool:
    """Whether the session has its end, and every second of every speaker a score."""
    ended = await reader.sessions(SessionState.ENDED)
    if not ended or ended[0].frames is None:
        return False
    scores = [
        (score.speaker, score.seq)
        for score in await reader.scores()
        if score.session_id == ended[0].session_id and score.granularity is Granularity.FRAME
    ]
    wanted = {(speaker, seq) for speaker in speakers for seq in range(ended[0].frames)}
    return ended[0].frames >= SECONDS - 1 and set(scores) == wanted and len(scores) == len(wanted)


@pytest.mark.parametrize(
    ("way", "speakers"),
    [
        (http, MIXED), (hls, MIXED), (rtsp, MIXED), (srt, MIXED),
        (folder_file, MIXED), (upload, MIXED), (generic_websocket, BOTH), (twilio, BOTH),
        (freeswitch, MIXED), (asterisk, MIXED),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)  # fmt: skip
async def test_a_file_becomes_scores(
    way: Way,
    speakers: set[Speaker],
    make_ingest: MakeIngest,
    broker: RedisBroker,
    rig_at: Callable[..., Rig],
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    if way is srt:
        try:
            await require_protocol(ffmpeg, "srt")
        except ConfigurationError as error:
            pytest.skip(error.message)
    async with suite(make_ingest, broker, tmp_path) as (service, base, client):
        await way(rig_at(base=base, client=client, service=service))
        await wait_until(lambda: all_scored(Reader(broker), speakers), timeout_seconds=20)


async def by_ffmpeg(rig: Rig, url: str) -> None:
    """As most people push."""
    async with rig.playing("-f", "flv", url) as process:
        assert await process.wait() == 0


async def by_librtmp(rig: Rig, url: str) -> None:
    """As OBS and many devices push."""
    flv = rig.file.with_suffix(".flv")
    async with rig.playing("-f", "flv", str(flv)) as process:
        assert await process.wait() == 0
    content = await asyncio.to_thread(flv.read_bytes)
    await asyncio.to_thread(librtmp.publish, content, url)


@pytest.mark.parametrize("push", [by_ffmpeg, by_librtmp])
async def test_a_file_pushed_over_rtmp_becomes_scores(
    push: Callable[[Rig, str], Awaitable[None]],
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    rig_at: Callable[..., Rig],
    tmp_path: Path,
) -> None:
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    options = {"rtmp_play_base": live, "rtmp_publish_base": live}
    async with suite(make_ingest, broker, tmp_path, **options) as (service, base, client):
        await nginx(base)
        source = await add(client, "rtmp")
        await push(rig_at(base=base, client=client, service=service), source["publish_url"])
        await wait_until(lambda: all_scored(Reader(broker), MIXED), timeout_seconds=20)


async def test_a_file_pulled_from_an_rtmp_server_becomes_scores(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    rig_at: Callable[..., Rig],
    tmp_path: Path,
) -> None:
    reader, url = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/radio/line"
    async with suite(make_ingest, broker, tmp_path) as (service, base, client):
        await nginx(base, RADIO)
        rig = rig_at(base=base, client=client, service=service)
        # long enough for a pull that has to try again; it ends when enough was heard
        async with rig.playing("-f", "flv", url, times=20):
            await add(client, "pull", url=url)
            await wait_until(lambda: has_frames(reader, SECONDS), timeout_seconds=40)
        await wait_until(lambda: _ended(rig))
        await wait_until(lambda: all_scored(reader, MIXED), timeout_seconds=20)
