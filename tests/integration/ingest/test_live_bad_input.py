"""Live streams that are not as one would wish: each gets frames or a reason, and hurts nobody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.ingest.beside import IN_REAL_TIME, has_frames_of, undisturbed
from tests.integration.ingest.calls import shown
from tests.integration.ingest.conftest import MakeIngest, StartNginx
from tests.integration.ingest.recordings import RARE_KINDS, made, seconds_of, tone
from tests.integration.ingest.streams import Encoder, Reader, StreamServer
from tests.integration.ingest.test_push import add_rtmp, in_state
from tests.support.librtmp import FLV_HEADER_BYTES
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.service import IngestService
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Frame, SessionState

PART_SECONDS = 2
HOUR_SECONDS = 3600
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10")
NO_AUDIO = "there is no audio track in it"


@dataclass
class Rig:
    """Ingest at work, with an undisturbed source beside what is tried."""

    client: AsyncClient
    base: str
    reader: Reader
    server: StreamServer

    async def pull(self, body: bytes) -> str:
        """A source whose stream is this body, which then stays open."""
        self.server.bodies["/odd"] = body
        self.server.live["/odd"] = asyncio.Event()
        answer = await self.client.post(
            "/v1/sources", json={"name": "odd", "url": self.server.url("/odd")}
        )
        return str(answer.json()["id"])

    async def heard(self, source_id: str, least: int) -> list[Frame]:
        """The frames of a source's first session, which ends when so many are there."""
        await wait_until(lambda: has_frames_of(self.reader, source_id, least), timeout_seconds=20)
        self.server.live["/odd"].set()
        await wait_until(lambda: self.reader.sessions(SessionState.ENDED, source_id))
        (ended, *_) = await self.reader.sessions(SessionState.ENDED, source_id)
        frames = await self.reader.frames(source_id)
        return [frame for frame in frames if frame.session_id == ended.session_id]


@asynccontextmanager
async def rig_of(service: IngestService, broker: RedisBroker) -> AsyncIterator[Rig]:
    reader = Reader(broker)
    async with (
        StreamServer() as server,
        running(service) as base,
        create_client(base_url=base) as client,
        undisturbed(client, server, reader),
    ):
        yield Rig(client, base, reader, server)


@pytest.fixture
async def rig(make_ingest: MakeIngest, broker: RedisBroker) -> AsyncIterator[Rig]:
    async with rig_of(make_ingest(**IN_REAL_TIME), broker) as made_rig:
        yield made_rig


def joined(parts: Sequence[bytes], extension: str) -> bytes:
    """Streams one after the other, as an encoder that was set up anew goes on."""
    head = FLV_HEADER_BYTES if extension == "flv" else 0
    return parts[0] + b"".join(part[head:] for part in parts[1:])


async def in_parts(
    ffmpeg: str, folder: Path, extension: str, forms: Sequence[tuple[int, int, float]]
) -> bytes:
    """A stream in parts, each of a rate, a number of channels, and a time at which it begins."""
    parts = [
        await made(
            ffmpeg,
            folder / f"{number}.{extension}",
            *(*tone(PART_SECONDS, rate), "-ac", str(channels), "-c:a", "aac"),
            *("-output_ts_offset", str(begin)),
        )
        for number, (rate, channels, begin) in enumerate(forms)
    ]
    return joined(parts, extension)


def all_sound(frames: list[Frame]) -> bool:
    """Whether no frame is silent; the last one may be short."""
    return all(frame.level_dbfs > -40 for frame in frames[:-1])


@pytest.mark.parametrize("extension", ["aac", "ts", "flv"])
async def test_a_rate_and_channels_that_change_midway_leave_sound_and_time_as_they_were(
    rig: Rig, ffmpeg: str, tmp_path: Path, extension: str
) -> None:
    forms = [(44_100, 1, 0), (22_050, 2, PART_SECONDS), (48_000, 1, 2 * PART_SECONDS)]
    source_id = await rig.pull(await in_parts(ffmpeg, tmp_path, extension, forms))
    frames = await rig.heard(source_id, 5)
    assert seconds_of(frames) == pytest.approx(3 * PART_SECONDS, abs=0.5)
    assert all_sound(frames)


@pytest.mark.parametrize("extension", ["ts", "flv"])
async def test_timestamps_that_jump_neither_stretch_nor_stop_a_stream(
    rig: Rig, ffmpeg: str, tmp_path: Path, extension: str
) -> None:
    """Forwards by an hour, and back before the beginning: time is counted by what is heard."""
    forms = [(44_100, 1, begin) for begin in (10, HOUR_SECONDS, 5)]
    source_id = await rig.pull(await in_parts(ffmpeg, tmp_path, extension, forms))
    frames = await rig.heard(source_id, 5)
    assert seconds_of(frames) == pytest.approx(3 * PART_SECONDS, abs=0.5)
    assert all_sound(frames)


@pytest.mark.parametrize(("arguments", "name"), RARE_KINDS)
async def test_rare_kinds_of_audio_become_frames_of_the_usual_kind(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    ffmpeg: str,
    tmp_path: Path,
    arguments: tuple[str, ...],
    name: str,
) -> None:
    """Ten seconds, for of a WAV ffmpeg wants 64 KB first: eight seconds of so few bytes each."""
    body = await made(ffmpeg, tmp_path / name, *tone(10), *arguments)
    async with rig_of(make_ingest(pull_ahead_seconds=10), broker) as rig:
        source_id = await rig.pull(body)
        frames = await rig.heard(source_id, 8)
    assert seconds_of(frames) == pytest.approx(10, abs=0.1)
    assert all_sound(frames)


@pytest.mark.parametrize("extension", ["ts", "flv"])
async def test_a_picture_without_sound_is_said_and_not_asked_for_all_the_time(
    rig: Rig, ffmpeg: str, tmp_path: Path, extension: str
) -> None:
    codec = ("-c:v", "flv1" if extension == "flv" else "mpeg2video")
    picture = await made(ffmpeg, tmp_path / f"p.{extension}", *PICTURE, "-t", "3", *codec)
    source_id = await rig.pull(picture)
    await wait_until(lambda: in_state(rig.client, source_id, "backoff"))
    assert (await shown(rig.client, source_id))["reason"] == NO_AUDIO
    assert await rig.reader.sessions(SessionState.STARTED, source_id) == []


async def test_an_encoder_whose_clock_jumps_ahead_by_an_hour_is_heard_without_a_break(
    broker: RedisBroker,
    make_ingest: MakeIngest,
    nginx: StartNginx,
    rtmp_port: int,
    ffmpeg: str,
) -> None:
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live, **IN_REAL_TIME)
    # after some 2.3 s; ffmpeg 5 counts in ms here, as FLV does, and TB says something else
    jump = ("-bsf:a", f"setts=ts=TS+{HOUR_SECONDS}*1000*gt(N\\,100)")  # codespell:ignore
    async with rig_of(service, broker) as rig:
        await nginx(rig.base)
        source = await add_rtmp(rig.client)
        push = await Encoder.start(ffmpeg, source["publish_url"], 6, filters=jump)
        assert await push.ended() == 0
        await wait_until(lambda: in_state(rig.client, source["id"], "idle"))
        await wait_until(lambda: rig.reader.sessions(SessionState.ENDED, source["id"]))
        frames = await rig.reader.frames(source["id"])
    assert len({frame.session_id for frame in frames}) == 1
    assert 4 < seconds_of(frames) < 6.5
    assert all_sound(frames)


async def test_an_encoder_that_pushes_a_picture_only_is_told_of_until_it_leaves(
    broker: RedisBroker,
    make_ingest: MakeIngest,
    nginx: StartNginx,
    rtmp_port: int,
    ffmpeg: str,
) -> None:
    live = f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live, **IN_REAL_TIME)
    async with rig_of(service, broker) as rig:
        await nginx(rig.base)
        source = await add_rtmp(rig.client)
        push = await Encoder.start(ffmpeg, source["publish_url"], 60, video=True, audio=False)
        await wait_until(lambda: in_state(rig.client, source["id"], "backoff"), timeout_seconds=20)
        assert (await shown(rig.client, source["id"]))["reason"] == NO_AUDIO
        await push.stop()
        await wait_until(lambda: in_state(rig.client, source["id"], "idle"))
    assert await rig.reader.sessions(SessionState.STARTED, source["id"]) == []
