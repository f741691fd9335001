"""A minimal RTSP server: one G.711 stream over the control connection, or a redirect."""

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from typing import Self

RATE_HZ = 8_000
PACKET_SAMPLES = 160
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=t\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:audio\r\n"
)


@dataclass
class RtspServer:
    """Sends `seconds` of sound, then hangs up; with `redirect_to` it sends its clients there."""

    seconds: float = 3.0
    redirect_to: str | None = None
    requests: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        number = next(line for line in request.splitlines() if line.lower().startswith("cseq:"))
        method, url, _ = request.split(" ", 2)
        status, headers, body = "200 OK", "", ""
        match method:
            case "OPTIONS":
                headers = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            case "DESCRIBE" if self.redirect_to is not None:
                status, headers = "302 Moved", f"Location: {self.redirect_to}\r\n"
            case "DESCRIBE":
                body = SDP
                headers = f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\n"
            case "SETUP":
                headers = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            case "PLAY":
                headers = "Session: 1\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        writer.write(f"RTSP/1.0 {status}\r\n{number}\r\n{headers}{length}\r\n{body}".encode())
        await writer.drain()
        if method == "PLAY":
            await self._play(writer)
        return method not in ("PLAY", "TEARDOWN")

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        for number in range(int(self.seconds * RATE_HZ / PACKET_SAMPLES)):
            rtp = struct.pack(">BBHII", 0x80, 0, number, number * PACKET_SAMPLES, 1)
            packet = rtp + bytes((number * 7 + i) % 256 for i in range(PACKET_SAMPLES))
            writer.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            await writer.drain()
