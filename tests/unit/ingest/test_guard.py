"""The pull guard's pure parts: veiled URLs, HTTP heads, files, what a URL may look like."""

import ipaddress
import os
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewatch.ingest.guard.dial import Dialer
from tonewatch.ingest.guard.heads import Chunks, Head
from tonewatch.ingest.guard.recordings import opened
from tonewatch.ingest.guard.relay import redirects
from tonewatch.ingest.guard.veil import (
    authority,
    unveiled,
    veiled,
    veiled_cookie,
    veiled_location,
    veiled_playlist,
)
from tonewatch.ingest.guard.ways import Guard
from tonewatch.ingest.sources import PullRules, checked_url
from tonewatch.shared.egress import Address, AddressPolicy
from tonewatch.shared.errors import (
    ConfigurationError,
    ForbiddenAddressError,
    InvalidInputError,
    TonewatchError,
    UnavailableError,
)


@pytest.mark.parametrize(
    ("url", "seen", "host"),
    [
        ("http://h.test/x", "http://h.test/x", None),
        ("https://h.test/x?a=1#b", "http://h.test.tls.invalid:443/x?a=1#b", "h.test"),
        ("HTTPS://u:p@H.test:8443", "http://u:p@h.test.tls.invalid:8443", "h.test"),
        ("https://10.0.0.1/", "http://10.0.0.1.tls.invalid:443/", "10.0.0.1"),
        ("https://h.test:99999/", "https://h.test:99999/", None),
    ],
)
def test_https_is_veiled_and_the_guard_sees_through_it(
    url: str, seen: str, host: str | None
) -> None:
    assert veiled(url) == seen
    if host is not None:
        assert unveiled(seen.partition("//")[2].rpartition("@")[2].partition(":")[0]) == (
            host,
            True,
        )


def test_an_ipv6_address_is_veiled_too() -> None:
    seen = veiled("https://[2001:db8::1]:8443/x")
    host = seen.removeprefix("http://").partition(":")[0]
    assert seen.endswith(":8443/x")
    assert unveiled(host) == ("2001:db8::1", True)
    assert unveiled("h.test") == ("h.test", False)


def test_a_playlist_is_veiled_wherever_it_names_a_url() -> None:
    text = """#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="https://k.test/key?a=https",IV=0x1
#EXT-X-MAP:URI="//m.test/init.mp4"
https://s.test/1.ts
//s.test/2.ts
3.ts
/4.ts
http://s.test/5.ts
"""
    assert veiled_playlist(text, tls=True).splitlines()[1:] == [
        '#EXT-X-KEY:METHOD=AES-128,URI="http://k.test.tls.invalid:443/key?a=https",IV=0x1',
        '#EXT-X-MAP:URI="http://m.test.tls.invalid:443/init.mp4"',
        "http://s.test.tls.invalid:443/1.ts",
        "http://s.test.tls.invalid:443/2.ts",
        "3.ts",
        "/4.ts",
        "http://s.test/5.ts",
    ]
    assert "//m.test/init.mp4" in veiled_playlist(text, tls=False)


def test_redirects_and_cookies_are_veiled() -> None:
    assert veiled_location("//h.test/x", tls=True) == "http://h.test.tls.invalid:443/x"
    assert veiled_location("//h.test/x", tls=False) == "//h.test/x"
    assert veiled_location("/x", tls=True) == "/x"
    assert veiled_cookie("a=b; Domain=.h.test; Path=/") == "a=b; Domain=.h.test.tls.invalid; Path=/"


def test_the_host_header_names_a_port_only_where_it_is_unusual() -> None:
    assert authority("h.test", 443, tls=True) == "h.test"
    assert authority("h.test", 443, tls=False) == "h.test:443"
    assert authority("2001:db8::1", 80, tls=False) == "[2001:db8::1]"


def test_a_head_is_passed_on_without_what_concerns_one_connection() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nProxy-Authorization: x\r\nA:b"
    head = Head.parse(raw)
    assert head.get("host") == "h"
    assert head.without(["host"]).for_one_message(("X", "y")).encode() == (
        b"GET / HTTP/1.1\r\nA: b\r\nX: y\r\nConnection: close\r\n\r\n"
    )


@given(body=st.binary(max_size=300), size=st.integers(1, 50), step=st.integers(1, 60))
def test_chunks_come_together_however_they_arrive(body: bytes, size: int, step: int) -> None:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    raw = b"".join(b"%x;q\r\n%b\r\n" % (len(each), each) for each in parts) + b"0\r\n\r\n"
    chunks = Chunks()
    for at in range(0, len(raw), step):
        assert not chunks.complete or at >= len(raw) - 4
        chunks.feed(raw[at : at + step])
    assert chunks.complete
    assert bytes(chunks.body) == body


@pytest.mark.parametrize("raw", [b"x\r\n", b"-5\r\nabc\r\n"])
def test_damaged_chunks_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError, match="damaged"):
        Chunks().feed(raw)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtsp://h/x", "rtsp is not among the allowed protocols"),
        ("ftp://h/x", "must begin with one of"),
        ("file:a.wav", "recordings_dir"),
        ("https://", "names no host"),
    ],
)
def test_a_url_that_may_not_be_pulled_says_what_may(url: str, words: str) -> None:
    rules = PullRules(("https", "file"), recordings=False)
    with pytest.raises(InvalidInputError, match=words):
        checked_url(url, rules)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("srt://h", "needs a port"),
        ("srt://h:9000?mode=listener", "only calls"),
        ("srt://h:9000?latency=1&adapter=0.0.0.0", "adapter is not allowed"),
        ("file:../a.wav", "below the recordings folder"),
        ("file:a/../../b.wav", "below the recordings folder"),
        ("file:/etc/passwd", "below the recordings folder"),
        ("file:///etc/passwd", "below the recordings folder"),
        ("file:", "below the recordings folder"),
        ("file:a\0b", "below the recordings folder"),
    ],
)
def test_a_url_that_would_do_something_else_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:p@h/x",
        "srt://h:9000?streamid=#!::r=x&passphrase=0123456789",
        "file:a/b c.wav",
        "file:日本.wav",
        "rtmps://h/live/x",
    ],
)
def test_every_kind_of_url_can_be_pulled(url: str) -> None:
    assert checked_url(url) == url


def test_a_recording_is_opened_below_its_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.wav").write_bytes(b"sound")
    (tmp_path / "secret").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "aside").symlink_to(folder / "inner")
    os.mkfifo(folder / "fifo")
    with opened(folder, "inner/a.wav") as number:
        assert os.read(number, 9) == b"sound"
    for name in ("link", "aside/a.wav", "fifo", "inner", "../secret"):
        with pytest.raises(ForbiddenAddressError), opened(folder, name):
            pass
    with pytest.raises(UnavailableError, match="No such file"), opened(folder, "none.wav"):
        pass
    with pytest.raises(ConfigurationError, match="recordings_dir"), opened(None, "a.wav"):
        pass
    with pytest.raises(ConfigurationError, match="recordings folder"), opened(tmp_path / "no", "a"):
        pass


async def test_the_dialer_keeps_a_refusal_and_its_reason() -> None:
    async def resolver(host: str, _port: int) -> list[Address]:
        if host == "gone.test":
            raise InvalidInputError("gone.test does not resolve")
        return [ipaddress.ip_address("8.8.8.8" if host == "good.test" else "10.0.0.1")]

    dialer = Dialer(AddressPolicy(), ssl.create_default_context(), resolver, "good.test")
    assert [str(each) for each in await dialer.addresses("good.test", 80)] == ["8.8.8.8"]
    with pytest.raises(TonewatchError, match="does not resolve"):
        await dialer.addresses("gone.test", 80)
    assert dialer.refusal is None
    with pytest.raises(ForbiddenAddressError, match=r"leads to inside.test"):
        await dialer.addresses("inside.test", 80)
    assert dialer.refusal is not None


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("/live", "live"),
        ("/live/line", "live"),
        ("/live/instance/line", "live/instance"),
        ("/vod/mp4:a/b", "vod"),
        ("/ondemand/a/b", "ondemand"),
        ("/live/line?key=a/b", "live"),
    ],
)
async def test_rtmp_leads_to_loopback_and_keeps_the_name(path: str, app: str) -> None:
    async with Guard(AddressPolicy()).way(f"RTMP://u:p@h.test:99{path}") as way:
        assert way.url.startswith("rtmp://u:p@127.0.0.1:")
        assert way.url.endswith(path)
        assert way.options == {"rtmp_tcurl": f"rtmp://h.test:99/{app}"}


@pytest.mark.parametrize(
    ("text", "redirected"),
    [
        (b"RTSP/1.0 302 Moved\n", True),
        (b"\xff\x00RTSP/x \t 0302\n", True),
        (b"RTSP/1.0 +301", True),
        (b"RTSP/1.0 4294967598 x", True),
        (b"RTSP/1.0 -4294966994 x", True),
        (b"RTSP/1.0 200 OK\ns=RTSP/RTP stream 302\n", False),
        (b"RTSP/1.0 200 OK\nContent-Length: 302\n", False),
        (b"RTSP/1.0\n302", False),
        (b"RTSP/1.0 3021 x", False),
        (b"RTSP/1.0 401 Unauthorized\n", False),
        (b"RTSP/1.0 " + b"9" * 999, False),
        (b"RTSP/1.0 200 OK\n" * 100, True),
    ],
)
def test_an_rtsp_redirect_is_seen_however_it_is_written(text: bytes, redirected: bool) -> None:
    assert redirects(text) is redirected


async def test_srt_gets_the_address_and_only_calls() -> None:
    async def resolver(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("2606:4700::1111")]

    guard = Guard(AddressPolicy(), resolver=resolver)
    async with guard.way("srt://h.test:9000?passphrase=a%2Bb+c&mode=caller") as way:
        assert way.url == "srt://[2606:4700::1111]:9000?passphrase=a%2Bb+c&mode=caller"
