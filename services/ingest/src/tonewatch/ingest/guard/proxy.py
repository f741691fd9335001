"""The HTTP proxy that one ffmpeg must use: every request passes the address policy here.

It belongs to one attempt, listens on loopback, and asks for a secret that only its ffmpeg knows, so
nobody else can use it. One connection serves one message. An https request arrives as a veiled http
one (see `veil`), and the guard speaks TLS for it; what the answer may lead on to is veiled in turn.
`CONNECT` is for rtmps only, and only to the source's own host.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from tonewatch.ingest.guard.answers import pass_on
from tonewatch.ingest.guard.dial import Dialer
from tonewatch.ingest.guard.heads import Head, read_head
from tonewatch.ingest.guard.listener import LOOPBACK, listening
from tonewatch.ingest.guard.pipes import Connection, both_ways, close, first_of
from tonewatch.ingest.guard.veil import HTTP_PORT, HTTPS_PORT, authority, unveiled
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError, TonewatchError

CONNECTIONS: Final = 8
"""An HLS stream uses about four: a playlist, two segments, a key."""
HEAD_SECONDS: Final = 10.0
SECRET_BYTES: Final = 24
USER: Final = "ffmpeg"

_CHALLENGE: Final = ("Proxy-Authenticate", 'Basic realm="tonewatch"')


class Proxy:
    """Serves one ffmpeg; `tunnel` is where it may CONNECT to, if anywhere."""

    def __init__(self, dialer: Dialer, tunnel: tuple[str, int] | None = None) -> None:
        self._dialer = dialer
        self._tunnel = tunnel
        self._secret = secrets.token_urlsafe(SECRET_BYTES)
        expected = base64.b64encode(f"{USER}:{self._secret}".encode()).decode()
        self._expected = f"Basic {expected}".encode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen until the block is left; yields the URL for ffmpeg's `http_proxy`."""
        async with listening(self._serve, at_once=CONNECTIONS) as port:
            yield f"http://{USER}:{self._secret}@{LOOPBACK}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS):
            head, _ = await read_head(reader)
        given = (head.get("Proxy-Authorization") or "").encode()
        if not secrets.compare_digest(given, self._expected):
            writer.write(_answer("407 Proxy Authentication Required", _CHALLENGE))
            return
        method, _, rest = head.first.partition(" ")
        target = rest.partition(" ")[0]
        try:
            match method:
                case "GET" | "HEAD":
                    await self._fetch(target, head, reader, writer)
                case "CONNECT":
                    await self._connect(target, reader, writer)
                case _:
                    writer.write(_answer("405 Method Not Allowed"))
        except ForbiddenAddressError:
            writer.write(_answer("403 Forbidden"))
        except (TonewatchError, TimeoutError):
            writer.write(_answer("502 Bad Gateway"))

    async def _connect(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        parts = urlsplit(f"//{target}")
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        if (host, port) != self._tunnel:
            raise ForbiddenAddressError(f"no tunnel leads to {target}")
        far = await self._dialer.connect(host, port)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await both_ways((reader, writer), far)
        finally:
            await close(far[1])

    async def _fetch(
        self, target: str, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, port, tls, path = _apart(target)
        far = await self._dialer.connect(host, port, tls=tls)
        try:
            request = replace(head, first=f"{head.first.partition(' ')[0]} {path} HTTP/1.1")
            # identity: a compressed playlist could not be read here
            request = request.without(("host", "accept-encoding")).for_one_message(
                ("Host", authority(host, port, tls=tls)), ("Accept-Encoding", "identity")
            )
            far[1].write(request.encode())
            await far[1].drain()
            gone = asyncio.create_task(_until_gone(reader))
            await first_of(gone, asyncio.create_task(self._answer(far, writer, tls=tls)))
        finally:
            await close(far[1])

    async def _answer(self, far: Connection, writer: asyncio.StreamWriter, *, tls: bool) -> None:
        try:
            await pass_on(far, writer, tls=tls)
        except TonewatchError as error:
            self._dialer.problem = error
            raise


def _apart(target: str) -> tuple[str, int, bool, str]:
    """Host, port, whether TLS is spoken, and path of a request's absolute URL."""
    scheme, _, rest = target.partition("://")
    netloc, _, path = rest.partition("#")[0].partition("/")
    try:
        parts = urlsplit(f"//{netloc}")
        host, tls = unveiled(parts.hostname or "")
        port = parts.port or (HTTPS_PORT if tls else HTTP_PORT)
    except ValueError as error:
        raise InvalidInputError("a URL of the stream is damaged") from error
    if scheme != "http" or not host:
        raise InvalidInputError("only http URLs pass here")
    return host, port, tls, f"/{path}"


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Until ffmpeg closes the connection; a second message on it is not served."""
    await reader.read(1)


def _answer(status: str, *headers: tuple[str, str]) -> bytes:
    extra = (("Content-Length", "0"), ("Connection", "close"))
    return Head(f"HTTP/1.1 {status}", (*headers, *extra)).encode()
