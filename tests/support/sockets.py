"""Clients of the socket protocols, written from their public descriptions."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import UUID

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Track = str


@asynccontextmanager
async def websocket(
    base: str, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[ClientConnection]:
    """A WebSocket to a service whose HTTP base URL this is."""
    url = base.replace("http://", "ws://") + path
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


async def say(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    """Send JSON."""
    await socket.send(json.dumps(message))


async def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next JSON message."""
    async with asyncio.timeout(30):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def closing(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Close code and reason, once the server has closed."""
    try:
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code, socket.close_reason


def hello(**fields: Any) -> dict[str, Any]:
    """The hello of the generic protocol."""
    return {"type": "hello", "rate_hz": 16_000, **fields}


def pieces(data: bytes, size: int) -> list[bytes]:
    """Data in pieces of a size, the last one perhaps shorter."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def interleaved(left: bytes, right: bytes) -> bytes:
    """Two channels as one."""
    sides = [np.frombuffer(side, dtype="<i2") for side in (left, right)]
    return np.stack(sides, axis=1).tobytes()


def backwards(pcm: bytes) -> bytes:
    """The same sound from its end: another speaker."""
    return np.frombuffer(pcm, dtype="<i2")[::-1].tobytes()


def every_second_sample(pcm: bytes) -> bytes:
    """16 kHz as 8 kHz, the crude way."""
    return np.frombuffer(pcm, dtype="<i2")[::2].tobytes()


def encode_mulaw(pcm: bytes) -> bytes:
    """G.711 mu-law: find the segment, keep the four bits after its leading one, invert all."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int32)
    size = np.minimum(np.abs(samples), 32_635) + 0x84
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    mantissa = (size >> (exponent + 3)) & 0x0F
    coded = ~(np.where(samples < 0, 0x80, 0) | (exponent << 4) | mantissa) & 0xFF
    made: bytes = coded.astype(np.uint8).tobytes()
    return made


class TwilioCall:
    """What Twilio sends of one call."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0

    async def start(
        self, parameters: Mapping[str, str], tracks: Sequence[Track] = ("inbound", "outbound")
    ) -> None:
        """The first two messages."""
        await say(self._socket, {"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": list(tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        await self._say("start", start=start)

    async def media(self, track: Track, at_ms: int, coded: bytes) -> None:
        """A piece of mu-law."""
        payload = base64.b64encode(coded).decode()
        media = {"track": track, "chunk": "1", "timestamp": str(at_ms), "payload": payload}
        await self._say("media", media=media)

    async def stop(self) -> None:
        """The last message."""
        await self._say("stop", stop={"accountSid": "AC1", "callSid": "CA1"})

    async def _say(self, event: str, **part: Any) -> None:
        self._number += 1
        message = {"event": event, "sequenceNumber": str(self._number), "streamSid": "MZ1"}
        await say(self._socket, {**message, **part})


def audiosocket_frame(kind: int, payload: bytes = b"") -> bytes:
    """One frame: kind, length in network order, payload."""
    return struct.pack("!BH", kind, len(payload)) + payload


class AsteriskCall:
    """What Asterisk sends of one call."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(cls, port: int, identity: str) -> Self:
        """Connect, and say the UUID."""
        call = cls(*await asyncio.open_connection("127.0.0.1", port))
        await call.send(audiosocket_frame(0x01, UUID(identity).bytes))
        return call

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def audio(self, pcm: bytes, kind: int = 0x10, piece_bytes: int = 320) -> None:
        """Send PCM in frames."""
        for piece in pieces(pcm, piece_bytes):
            await self.send(audiosocket_frame(kind, piece))

    async def answered(self) -> bytes:
        """All that the server says before it closes."""
        async with asyncio.timeout(30):
            return await self.reader.read()

    async def close(self) -> None:
        """Leave."""
        self.writer.close()
        await self.writer.wait_closed()
