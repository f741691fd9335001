"""https and rtmps: the guard speaks TLS for ffmpeg, or leads it to the one host it may speak to."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.integration.ingest.origins import (
    FORBIDDEN,
    POLICY,
    Names,
    Origin,
    chunked,
    moved,
    ok,
    play,
    playlist,
)
from tests.integration.ingest.streams import wav
from tests.support.audio import speech_like_pcm
from tests.support.require import require_tool
from tests.support.wait import wait_until
from tonewatch.ingest.guard import Guard

PCM = speech_like_pcm(1.5)
SOUND = ok(wav(PCM), "Content-Type: audio/wav")
NAME = "radio.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of radio.test, with its key, that nobody else vouches for."""
    openssl, folder = require_tool("openssl"), tmp_path_factory.mktemp("tls")
    path, key = folder / "both.pem", folder / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(key), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a") as both, key.open() as source:
        shutil.copyfileobj(source, both)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """A guard that trusts the certificate, as an operator would make it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return Guard(POLICY, resolver=Names(radio_test=["127.0.0.1"]))


async def test_an_https_stream_passes_unchanged(
    ffmpeg: str, tls: ssl.SSLContext, trusting: Guard
) -> None:
    async with Origin(tls=tls, answers={"/call.wav": SOUND}) as origin:
        heard = await play(ffmpeg, trusting, origin.url("/call.wav", NAME))
    assert heard.pcm == PCM
    assert f"Host: {NAME}:{origin.port}\r\n" in origin.requests[0]


async def test_a_certificate_that_nobody_vouches_for_is_refused_unless_told_otherwise(
    ffmpeg: str, tls: ssl.SSLContext
) -> None:
    names = Names(radio_test=["127.0.0.1"])
    async with Origin(tls=tls, answers={"/call.wav": SOUND}) as origin:
        url = origin.url("/call.wav", NAME)
        strict = await play(ffmpeg, Guard(POLICY, resolver=names), url)
        lax = await play(ffmpeg, Guard(POLICY, verify_tls=False, resolver=names), url)
    assert strict.pcm == b""
    assert f"the certificate of {NAME} cannot be verified" in strict.problem
    assert lax.pcm == PCM


async def test_redirects_from_http_to_https_and_back_are_followed(
    ffmpeg: str, tls: ssl.SSLContext, trusting: Guard
) -> None:
    async with Origin(tls=tls) as secure, Origin(answers={"/end.wav": SOUND}) as plain:
        plain.answers["/start"] = moved(secure.url("/middle", NAME))
        secure.answers["/middle"] = moved("/more")
        secure.answers["/more"] = moved(plain.url("/end.wav"))
        heard = await play(ffmpeg, trusting, plain.url("/start", NAME))
    assert heard.pcm == PCM


async def test_an_https_redirect_to_a_forbidden_address_is_refused(
    ffmpeg: str, tls: ssl.SSLContext, trusting: Guard
) -> None:
    async with Origin(tls=tls) as origin, Origin(tls=tls, host=FORBIDDEN) as inside:
        origin.answers["/call.wav"] = moved(inside.url("/call.wav"))
        heard = await play(ffmpeg, trusting, origin.url("/call.wav", NAME))
    assert FORBIDDEN in heard.refusal
    assert inside.connections == 0


@pytest.mark.parametrize("framed", [ok, lambda body: chunked(body, 20)])
async def test_hls_over_https_with_all_ways_to_name_a_segment(
    ffmpeg: str, tls: ssl.SSLContext, trusting: Guard, segment: bytes, framed: object
) -> None:
    assert callable(framed)
    async with Origin(tls=tls) as origin, Origin(answers={"/4.ts": ok(segment)}) as plain:
        absolute = origin.url("/2.ts", NAME)
        body = playlist("1.ts", absolute, absolute.removeprefix("https:"), plain.url("/4.ts"))
        variant = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\n"
        origin.answers |= {f"/{n}.ts": ok(segment) for n in range(1, 4)}
        origin.answers["/master.m3u8"] = framed(variant + origin.url("/a/../l.m3u8", NAME).encode())
        origin.answers["/l.m3u8"] = origin.answers["/a/../l.m3u8"] = framed(
            body.replace(b"1.ts", b"/1.ts")
        )
        heard = await play(ffmpeg, trusting, origin.url("/master.m3u8", NAME))
    assert heard.problem == ""
    assert len(heard.pcm) >= 4 * 64_000 * 0.95


async def test_rtmps_is_led_to_its_own_host_with_its_name(
    ffmpeg: str, tls: ssl.SSLContext, trusting: Guard
) -> None:
    asked: list[str | None] = []
    first: list[bytes] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await play(ffmpeg, trusting, f"rtmps://{NAME}:{port}/live/line")
        await wait_until(lambda: first)
    assert asked[0] == NAME
    assert first[0] == b"\x03", "the first byte of an RTMP handshake"


async def test_rtmps_to_a_forbidden_address_is_refused(ffmpeg: str, tls: ssl.SSLContext) -> None:
    async with Origin(tls=tls, host=FORBIDDEN) as inside:
        heard = await play(ffmpeg, Guard(POLICY), f"rtmps://{FORBIDDEN}:{inside.port}/live/x")
    assert FORBIDDEN in heard.refusal
    assert inside.connections == 0
