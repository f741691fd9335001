"""RTMP, RTSP, SRT and files of the recordings folder, from the other side to the audio."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import MakeIngest
from tests.integration.ingest.origins import FORBIDDEN, POLICY, Names, Origin, play
from tests.integration.ingest.streams import Reader, wav
from tests.support.audio import speech_like_pcm
from tests.support.rtsp import RtspServer
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.ingest.guard import Guard
from tonewatch.ingest.media import require_protocol
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import ConfigurationError, ForbiddenAddressError
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState

SECOND = 32_000


@asynccontextmanager
async def listening_ffmpeg(ffmpeg: str, *output: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An ffmpeg that serves four seconds of a tone to whoever connects."""
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg, "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi"),
        *("-i", "sine=frequency=440:sample_rate=44100", "-t", "4", "-c:a", "aac", *output),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_heard(ffmpeg: str, guard: Guard, url: str) -> bytes:
    """The audio of a server that may still be starting."""
    heard = b""

    async def tried() -> bool:
        nonlocal heard
        heard = (await play(ffmpeg, guard, url)).pcm
        return bool(heard)

    await wait_until(tried, timeout_seconds=30)
    return heard


async def test_rtmp_is_pulled_through_the_guard(ffmpeg: str, free_port: Callable[[], int]) -> None:
    port, names = free_port(), Names(radio_test=["127.0.0.1"])
    serve = ("-f", "flv", "-listen", "1", f"rtmp://127.0.0.1:{port}/live/line")
    async with listening_ffmpeg(ffmpeg, *serve):
        url = f"rtmp://radio.test:{port}/live/line"
        pcm = await until_heard(ffmpeg, Guard(POLICY, resolver=names), url)
    assert len(pcm) > SECOND
    assert set(names.asked) == {"radio.test"}


async def test_an_rtmp_server_is_told_the_name_that_the_user_wrote(ffmpeg: str) -> None:
    told = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1 + 1536)
        writer.write(b"\x03" + bytes(2 * 1536))
        await reader.readexactly(1536)
        told.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        guard = Guard(POLICY, resolver=Names(radio_test=["127.0.0.1"]))
        await play(ffmpeg, guard, f"rtmp://radio.test:{port}/live/line?key=x")
        connect = await told
    assert f"rtmp://radio.test:{port}/live".encode() in connect


async def test_rtsp_is_pulled_over_its_one_connection(ffmpeg: str) -> None:
    async with RtspServer(seconds=3) as server:
        heard = await play(ffmpeg, Guard(POLICY), f"rtsp://127.0.0.1:{server.port}/line")
    assert len(heard.pcm) >= 2 * SECOND
    assert "interleaved" in next(each for each in server.requests if each.startswith("SETUP"))


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp"])
async def test_a_forbidden_address_is_not_connected_to(ffmpeg: str, scheme: str) -> None:
    names = Names(radio_test=[FORBIDDEN])
    async with Origin(host=FORBIDDEN) as inside:
        url = f"{scheme}://radio.test:{inside.port}/live/line"
        heard = await play(ffmpeg, Guard(POLICY, resolver=names), url)
    assert FORBIDDEN in heard.refusal
    assert inside.connections == 0


async def test_rtsp_follows_no_redirect(ffmpeg: str) -> None:
    async with Origin(host=FORBIDDEN) as inside:
        elsewhere = f"rtsp://{FORBIDDEN}:{inside.port}/line"
        async with RtspServer(redirect_to=elsewhere) as server:
            heard = await play(ffmpeg, Guard(POLICY), f"rtsp://127.0.0.1:{server.port}/line")
    assert inside.connections == 0
    assert "redirects" in heard.refusal


async def test_srt_is_pulled_from_the_checked_address(
    ffmpeg: str, free_port: Callable[[], int]
) -> None:
    await _require_srt(ffmpeg)
    port, names = free_port(), Names(radio_test=["127.0.0.1"])
    secret = "passphrase=long-enough-1&streamid=line/1"
    serve = ("-f", "mpegts", f"srt://127.0.0.1:{port}?mode=listener&{secret}")
    async with listening_ffmpeg(ffmpeg, *serve):
        guard = Guard(POLICY, resolver=names)
        pcm = await until_heard(ffmpeg, guard, f"srt://radio.test:{port}?{secret}")
    assert len(pcm) > SECOND


async def test_srt_to_a_forbidden_address_is_refused_before_ffmpeg_starts() -> None:
    guard = Guard(POLICY, resolver=Names(radio_test=[FORBIDDEN]))
    with pytest.raises(ForbiddenAddressError, match=FORBIDDEN):
        async with guard.way("srt://radio.test:9000"):
            pass


async def test_an_ffmpeg_without_srt_is_named(tmp_path: Path) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\nprintf 'Input:\\n  http\\n  tcp\\nOutput:\\n  srt\\n'\n")
    poor.chmod(0o755)
    await require_protocol(str(poor), "http")
    with pytest.raises(ConfigurationError, match=r"ffmpeg was built without srt, which srt needs"):
        await require_protocol(str(poor), "srt")


async def test_a_file_of_the_recordings_folder_becomes_frames(
    make_ingest: MakeIngest, broker: RedisBroker, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    (folder / "may").mkdir(parents=True)
    (folder / "may" / "call 1.wav").write_bytes(wav(speech_like_pcm(2)))
    (tmp_path / "outside.wav").write_bytes(wav(speech_like_pcm(2)))
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    service = make_ingest(recordings_dir=folder, egress={})
    async with running(service) as base, create_client(base_url=base) as client:
        good = await _add(client, "file:may/call 1.wav")
        link = await _add(client, "file:link.wav")
        await wait_until(lambda: _is(client, good, "ended"))
        await wait_until(lambda: _is(client, link, "failed"))
        reason = (await client.get(f"/v1/sources/{link}")).json()["reason"]
        outside = await client.post("/v1/sources", json={"name": "x", "url": "file:../outside.wav"})
    ended = await Reader(broker).sessions(SessionState.ENDED)
    assert [(each.source_id, each.frames) for each in ended] == [(good, 2)]
    assert "symbolic link" in reason
    assert outside.status_code == 400
    assert "below the recordings folder" in outside.json()["detail"]


async def test_a_protocol_that_is_not_allowed_is_refused(
    make_ingest: MakeIngest, tmp_path: Path
) -> None:
    declared = tmp_path / "sources.yaml"
    declared.write_text("sources:\n  - name: line\n    url: rtsp://camera.example/1\n")
    options = {"pull_protocols": ["https"], "sources_file": None}
    async with (
        running(make_ingest(**options)) as base,
        create_client(base_url=base) as client,
    ):
        answer = await client.post("/v1/sources", json={"name": "x", "url": "rtmp://h/live/x"})
    assert answer.status_code == 400
    assert "rtmp is not among the allowed protocols (https)" in answer.json()["detail"]
    with pytest.raises(ConfigurationError, match=r"sources.yaml:2: .*rtsp is not among"):
        async with running(make_ingest(pull_protocols=["https"], sources_file=declared)):
            pass


async def test_a_redirect_to_a_forbidden_address_fails_the_source_with_its_reason(
    make_ingest: MakeIngest,
) -> None:
    async with Origin() as origin:
        origin.answers["/a"] = (
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\n\r\n"
        )
        async with running(make_ingest()) as base, create_client(base_url=base) as client:
            source_id = await _add(client, origin.url("/a"))
            await wait_until(lambda: _is(client, source_id, "failed"))
            reason = (await client.get(f"/v1/sources/{source_id}")).json()["reason"]
    assert "the stream leads to 169.254.169.254" in reason


async def _require_srt(ffmpeg: str) -> None:
    try:
        await require_protocol(ffmpeg, "srt")
    except ConfigurationError as error:
        pytest.skip(error.message)


async def _add(client: AsyncClient, url: str) -> str:
    made = await client.post("/v1/sources", json={"name": "line", "url": url})
    assert made.status_code == 201, made.text
    source_id: str = made.json()["id"]
    return source_id


async def _is(client: AsyncClient, source_id: str, wanted: str) -> bool:
    state: str = (await client.get(f"/v1/sources/{source_id}")).json()["state"]
    return state == wanted
