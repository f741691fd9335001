"""The other side of ingest in tests: an HTTP server with live streams, RTMP encoders, a reader."""

import asyncio
import contextlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from tonewatch.shared.broker import Broker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import Frame, Gap, Score, SessionEvent, SessionState
from tonewatch.shared.streams import FRAMES, SCORES, SESSIONS, Stream

RATE_HZ = 16_000


def wav(pcm: bytes, *, endless: bool = False) -> bytes:
    """A WAV body; an endless one states no length, as a live stream does."""
    size = 0xFFFFFFFF if endless else len(pcm)
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", size if endless else size + 36, b"WAVE",
                         b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16, b"data", size)  # fmt: skip
    return header + pcm


@dataclass
class StreamServer:
    """Serves `bodies` by path; a path in `live` sends its body and then stays silent."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    live: dict[str, asyncio.Event] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for event in self.live.values():
            event.set()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def add_live(self, path: str, pcm: bytes) -> asyncio.Event:
        """A stream that sends this and then nothing, until the event ends it."""
        self.bodies[path] = wav(pcm, endless=True)
        self.live[path] = asyncio.Event()
        return self.live[path]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split()[1]
            self.requests.append(request)
            await self._answer(path, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        body = self.bodies.get(path)
        if body is None:
            writer.write(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        length = "" if path in self.live else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n{length}\r\n".encode())
        writer.write(body)
        await writer.drain()
        if path in self.live:
            await self.live[path].wait()


@dataclass
class Encoder:
    """An ffmpeg that pushes a tone to an RTMP URL in real time."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(
        cls,
        ffmpeg: str,
        url: str,
        seconds: float,
        *,
        video: bool = False,
        audio: bool = True,
        filters: Sequence[str] = (),
    ) -> Self:
        """Begin to push; `filters` are what is done to the packets."""
        picture: tuple[str, ...] = ()
        if video:
            picture = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15")
            picture += ("-c:v", "flv1", "-b:v", "2M")
        sound = ("-c:a", "aac", *filters) if audio else ("-an",)
        return cls(
            await asyncio.create_subprocess_exec(
                *(ffmpeg, "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi"),
                *("-i", "sine=frequency=440:sample_rate=44100", *picture, "-t", str(seconds)),
                *(*sound, "-f", "flv", url),
                stderr=asyncio.subprocess.PIPE,
            )
        )

    async def ended(self) -> int:
        """Wait for its own end; returns the exit code."""
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    async def stop(self) -> None:
        """End it."""
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.communicate()


class Reader:
    """Reads whole streams without a group."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def entries(self, stream: Stream) -> list[tuple[str, object, Mapping[str, bytes]]]:
        """Entry id, message and fields of everything in a stream."""
        after = dict.fromkeys(range(self._broker.partitions), "0-0")
        rows = await self._broker.tail(stream, after, count=10_000, block=None)
        return [(r.entry.entry_id, decode(stream, r.entry), r.entry.fields) for r in rows]

    async def frames(self, source_id: str | None = None, stream: Stream = FRAMES) -> list[Frame]:
        """All frames, of one source if named, by session and number."""
        found = [m for _, m, _ in await self.entries(stream) if isinstance(m, Frame)]
        chosen = [frame for frame in found if source_id in (None, frame.source_id)]
        return sorted(chosen, key=lambda frame: (frame.session_id, frame.seq))

    async def gaps(self) -> list[Gap]:
        """All gaps."""
        return [m for _, m, _ in await self.entries(SCORES) if isinstance(m, Gap)]

    async def scores(self) -> list[Score]:
        """All scores."""
        return [m for _, m, _ in await self.entries(SCORES) if isinstance(m, Score)]

    async def sessions(
        self, state: SessionState, source_id: str | None = None
    ) -> list[SessionEvent]:
        """All session events of one state in order of time, of one source if named."""
        found = [m for _, m, _ in await self.entries(SESSIONS) if isinstance(m, SessionEvent)]
        chosen = [e for e in found if e.state is state and source_id in (None, e.source_id)]
        return sorted(chosen, key=lambda event: event.at)
