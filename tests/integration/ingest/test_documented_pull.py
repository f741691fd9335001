"""What the page about pulling tells people to run and to set works as it stands."""

import asyncio
import re
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.streams import Reader, StreamServer, wav
from tests.integration.ingest.test_pull_ways import listening_ffmpeg
from tests.support.audio import speech_like_pcm
from tests.support.pages import both, code, commands, prose
from tests.support.public_door import public_door
from tests.support.rtsp import RtspServer
from tests.support.running import running
from tests.support.shell import Shell
from tests.support.wait import wait_until
from tonewatch.ingest.media import require_protocol
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import create_client
from tonewatch.shared.messages import SessionState

PAGE = both("ways-in/pull.md")


@PAGE
async def test_a_stream_is_added_and_looked_at(
    page: Path,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    stream_server: StreamServer,
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    add, look, *_ = commands(page)
    stream_server.add_live("/live.mp3", speech_like_pcm(5))
    async with (
        running(make_ingest()) as base,
        public_door(broker, tmp_path / "console", ingest_url=base) as door,
    ):
        shell = Shell(tmp_path, ffmpeg, **{"https://radio.example": stream_server.url("")}).through(
            door
        )
        made = await shell.run(add)
        shell.values |= {"ID": made["id"]}

        async def is_live() -> bool:
            return bool((await shell.run(look))["state"] == "live")

        await wait_until(is_live)
        view = await shell.run(look)
    assert (view["name"], view["labels"]) == ("hotline", {"queue": "front"})


@PAGE
async def test_a_recording_of_the_folder_is_pulled_by_the_name_on_the_page(
    page: Path,
    make_ingest: MakeIngest,
    broker: RedisBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (name,) = re.findall(r"`file:([^`]+\.wav)`", prose(page))
    recording = tmp_path / "recordings" / name
    recording.parent.mkdir(parents=True)
    recording.write_bytes(wav(speech_like_pcm(2)))
    config = tmp_path / "tonewatch.yaml"
    text = code(page, "yaml", "recordings_dir")
    config.write_text(text.replace("/recordings", str(tmp_path / "recordings")))
    monkeypatch.setenv("TONEWATCH_CONFIG", str(config))
    options = IngestSettings.load().ingest.model_dump(exclude_unset=True)
    reader, service = Reader(broker), make_ingest(**options)
    async with running(service) as base, create_client(base_url=base) as client:
        await client.post("/v1/sources", json={"name": "may", "url": f"file:{name}"})
        await wait_until(lambda: reader.sessions(SessionState.ENDED))
    (ended,) = await reader.sessions(SessionState.ENDED)
    assert ended.frames == 2


@PAGE
async def test_what_ffmpeg_hears_of_a_camera(page: Path, ffmpeg: str, tmp_path: Path) -> None:
    *_, camera, _srt = commands(page)
    async with RtspServer(seconds=2) as server:
        values = {"camera.example": f"127.0.0.1:{server.port}"}
        await Shell(tmp_path, ffmpeg, **values).run(camera)
    assert 1 < _seconds(tmp_path / "test.wav") <= 2


@PAGE
async def test_what_ffmpeg_hears_of_an_srt_encoder(
    page: Path, ffmpeg: str, free_port: Callable[[], int], tmp_path: Path
) -> None:
    try:
        await require_protocol(ffmpeg, "srt")
    except ConfigurationError as error:
        pytest.skip(error.message)
    *_, listen = commands(page)
    port = free_port()
    shell = Shell(tmp_path, ffmpeg, **{"encoder.example:9000": f"127.0.0.1:{port}"})
    serve = ("-f", "mpegts", f"srt://127.0.0.1:{port}?mode=listener")
    async with listening_ffmpeg(ffmpeg, *serve), asyncio.timeout(30):
        # the encoder may still be starting
        while (await shell.attempt(listen))[0] != 0:
            pass
    assert _seconds(tmp_path / "test.wav") > 1


def _seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        seconds: float = file.getnframes() / file.getframerate()
    return seconds
