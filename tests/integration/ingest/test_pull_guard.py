"""What ffmpeg can be led to: nothing that the operator has not allowed."""

import asyncio
import ssl

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
from tonewatch.ingest.guard import Guard
from tonewatch.ingest.guard.dial import Dialer
from tonewatch.ingest.guard.heads import read_head
from tonewatch.ingest.guard.proxy import Proxy

PCM = speech_like_pcm(1.5)
SOUND = ok(wav(PCM), "Content-Type: audio/wav")
METADATA = "169.254.169.254"
SEGMENT_BYTES = 2 * 16_000 * 2


async def test_an_allowed_stream_passes_unchanged_and_the_server_sees_no_proxy(ffmpeg: str) -> None:
    names = Names(radio_test=["127.0.0.1"])
    async with Origin(answers={"/call.wav?a=1": SOUND}) as origin:
        url = origin.url("/call.wav?a=1", "radio.test")
        heard = await play(ffmpeg, Guard(POLICY, resolver=names), url)
    assert heard.pcm == PCM
    assert heard.verdict.complete
    assert set(names.asked) == {"radio.test"}
    assert all(f"Host: radio.test:{origin.port}\r\n" in each for each in origin.requests)
    assert "proxy" not in "".join(origin.requests).lower()


@pytest.mark.parametrize("where", [FORBIDDEN, METADATA, "[::1]", "localhost"])
async def test_a_redirect_to_a_forbidden_address_is_refused(ffmpeg: str, where: str) -> None:
    names = Names(localhost=[FORBIDDEN])
    async with Origin(answers={"/x": SOUND}, host=FORBIDDEN) as inside, Origin() as origin:
        origin.answers["/call.wav"] = moved(f"http://{where}:{inside.port}/x")
        heard = await play(ffmpeg, Guard(POLICY, resolver=names), origin.url("/call.wav"))
    assert heard.pcm == b""
    assert "leads to" in heard.refusal
    assert "not an allowed address" in heard.refusal
    assert where.strip("[]") in heard.refusal
    assert inside.connections == 0


async def test_an_allowed_redirect_is_followed(ffmpeg: str) -> None:
    async with Origin(answers={"/x": SOUND}) as second, Origin() as first:
        first.answers["/call.wav"] = moved(second.url("/x"))
        heard = await play(ffmpeg, Guard(POLICY), first.url("/call.wav"))
    assert heard.pcm == PCM


async def test_a_name_that_changes_its_address_never_reaches_the_second(ffmpeg: str) -> None:
    names = Names(radio_test=["127.0.0.1", FORBIDDEN])
    async with Origin() as origin, Origin(host=FORBIDDEN, port=origin.port) as inside:
        origin.answers["/call.wav"] = moved("/again.wav")
        inside.answers["/again.wav"] = SOUND
        guard = Guard(POLICY, resolver=names)
        heard = await play(ffmpeg, guard, origin.url("/call.wav", "radio.test"))
    assert heard.pcm == b""
    assert (origin.connections, inside.connections) == (1, 0)
    assert names.asked == ["radio.test"] * 2
    assert FORBIDDEN in heard.refusal


@pytest.mark.parametrize(
    "scheme",
    ["http", "httpproxy", "https", "tcp", "file", "crypto+tcp", "crypto+httpproxy", "crypto:tcp"],
)
async def test_a_playlist_leads_to_no_forbidden_address(
    ffmpeg: str, segment: bytes, scheme: str
) -> None:
    async with Origin(host=FORBIDDEN) as inside, Origin() as origin:
        inside.answers["/1.ts"] = ok(segment)
        leak = f"{scheme}://{FORBIDDEN}:{inside.port}/1.ts"
        origin.answers["/live.m3u8"] = ok(playlist(leak, leak))
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/live.m3u8"))
    assert heard.pcm == b""
    assert inside.connections == 0
    if scheme in ("http", "https"):
        assert FORBIDDEN in heard.refusal


async def test_a_key_of_a_playlist_is_looked_at_too(ffmpeg: str, segment: bytes) -> None:
    async with Origin(host=FORBIDDEN) as inside, Origin() as origin:
        key = f'#EXT-X-KEY:METHOD=AES-128,URI="{inside.url("/key")}",IV=0x0'
        origin.answers |= {"/live.m3u8": ok(playlist(key, "1.ts")), "/1.ts": ok(segment)}
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/live.m3u8"))
    assert heard.pcm == b""
    assert inside.connections == 0
    assert FORBIDDEN in heard.refusal


async def test_an_hls_stream_plays_from_several_servers(ffmpeg: str, segment: bytes) -> None:
    async with Origin(answers={"/2.ts": ok(segment)}) as other, Origin() as origin:
        body = playlist("1.ts", other.url("/2.ts"))
        origin.answers |= {"/live.m3u8": ok(body), "/1.ts": ok(segment)}
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/live.m3u8"))
    assert len(heard.pcm) >= 2 * SEGMENT_BYTES * 0.95
    assert heard.refusal == ""


async def test_a_shoutcast_server_is_understood(ffmpeg: str) -> None:
    body = b"ICY 200 OK\r\nicy-name: t\r\ncontent-type: audio/wav\r\n\r\n" + wav(PCM, endless=True)
    async with Origin(answers={"/": body}) as origin:
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/"))
    assert heard.pcm == PCM


async def test_a_chunked_stream_passes_and_one_that_breaks_off_is_noticed(ffmpeg: str) -> None:
    whole = chunked(wav(PCM), 1000)
    async with Origin(answers={"/a.wav": whole, "/b.wav": SOUND[:-9000]}) as origin:
        complete = await play(ffmpeg, Guard(POLICY), origin.url("/a.wav"))
        broken = await play(ffmpeg, Guard(POLICY), origin.url("/b.wav"))
    assert complete.pcm == PCM
    assert "the connection broke" in broken.verdict.reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-x\r\n", "does not speak HTTP"),
        (b"\0" * 100_000, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"7\r\n#EXTM3U\r\nxyz\r\n" * 9,
         "damaged"),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_put_into_words(ffmpeg: str, answer: bytes, words: str) -> None:
    async with Origin(answers={"/": answer}) as origin:
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/"))
    assert heard.pcm == b""
    assert words in heard.problem


@pytest.mark.parametrize(
    ("request_line", "authorization", "status"),
    [
        ("GET http://{there}/x HTTP/1.1", "", 407),
        ("CONNECT {there} HTTP/1.1", "", 407),
        ("GET http://{there}/x HTTP/1.1", "Basic ZmZtcGVnOmd1ZXNz", 407),
        ("CONNECT {there} HTTP/1.1", "right", 403),
        ("POST http://{there}/x HTTP/1.1", "right", 405),
        ("GET /x HTTP/1.1", "right", 502),
        ("GET ftp://{there}/x HTTP/1.1", "right", 502),
        ("GET http://{there}/x HTTP/1.1", "right", 200),
    ],
)
async def test_the_proxy_is_no_open_proxy(
    request_line: str, authorization: str, status: int
) -> None:
    async with Origin(answers={"/x": SOUND}) as origin:
        proxy = Proxy(Dialer(POLICY, ssl.create_default_context()))
        async with proxy.running() as own:
            given = proxy._expected.decode() if authorization == "right" else authorization
            port = int(own.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = request_line.format(there=f"127.0.0.1:{origin.port}")
            writer.write(f"{line}\r\nProxy-Authorization: {given}\r\n\r\n".encode())
            head, _ = await read_head(reader)
            writer.close()
            await writer.wait_closed()
    assert int(head.first.split()[1]) == status
    assert origin.connections == (1 if status == 200 else 0)


async def test_nothing_listens_when_the_attempt_is_over() -> None:
    async with Guard(POLICY).way("http://radio.test/") as way:
        port = int(way.environment["http_proxy"].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_secret_of_the_proxy_is_in_no_log(ffmpeg: str) -> None:
    async with Origin(answers={"/x": SOUND}) as origin:
        heard = await play(ffmpeg, Guard(POLICY), origin.url("/x").replace("//", "//u:hunter2@"))
    secret = heard.way.environment["http_proxy"].split(":")[2].partition("@")[0]
    assert heard.pcm == PCM
    assert secret not in heard.log
    assert "hunter2" not in heard.log
