"""Servers that pulled URLs lead to, wherever on loopback; each remembers who came."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from tonewatch.ingest.guard import Guard, Way
from tonewatch.ingest.media import AudioProcess, Verdict, pull_argv
from tonewatch.shared.egress import Address, AddressPolicy

ALLOWED = "127.0.0.1"
FORBIDDEN = "127.0.0.2"
POLICY = AddressPolicy.model_validate({"allow": [f"{ALLOWED}/32"]})


@dataclass
class Origin:
    """Answers each path with the bytes in `answers`, and hangs up."""

    host: str = ALLOWED
    tls: ssl.SSLContext | None = None
    answers: dict[str, bytes] = field(default_factory=dict)
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a path, by another name if one is given."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            writer.write(self.answers.get(request.split()[1], missing))
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def ok(body: bytes, *headers: str) -> bytes:
    """An answer with a body."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chunked(body: bytes, size: int) -> bytes:
    """The same in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def moved(location: str) -> bytes:
    """A redirect."""
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def playlist(*lines: str) -> bytes:
    """A finished HLS playlist of segments (or of a key and segments)."""
    head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:3"]
    body = [each if each.startswith("#") else f"#EXTINF:2.0,\n{each}" for each in lines]
    return "\n".join([*head, *body, "#EXT-X-ENDLIST", ""]).encode()


class Names:
    """A name server that gives its answers in turn, the last one for ever."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[Address]:
        """The next answer."""
        self.asked.append(host)
        left = self._answers.get(host, [host])
        return [ipaddress.ip_address(left.pop(0) if len(left) > 1 else left[0])]


@dataclass(frozen=True)
class Heard:
    """What came of playing a URL."""

    pcm: bytes
    verdict: Verdict
    log: str
    way: Way

    @property
    def refusal(self) -> str:
        """What was refused."""
        return self.way.refusal.message if self.way.refusal else ""

    @property
    def problem(self) -> str:
        """Why a connection did not come about."""
        return self.way.problem.message if self.way.problem else ""


async def play(ffmpeg: str, guard: Guard, url: str) -> Heard:
    """Pull a URL to its end, as ingest does."""
    async with guard.way(url) as way, _process(ffmpeg, way) as process:
        pcm = b""
        async with asyncio.timeout(30):
            while part := await process.read():
                pcm += part
        return Heard(pcm, await process.verdict(), "\n".join(process.log), way)


@asynccontextmanager
async def _process(ffmpeg: str, way: Way) -> AsyncIterator[AudioProcess]:
    argv = pull_argv(
        ffmpeg, way.url, io_timeout=timedelta(seconds=10), scheme=way.scheme, extra=way.options
    )
    async with AudioProcess.running(argv, environment=way.environment, files=way.files) as process:
        yield process
