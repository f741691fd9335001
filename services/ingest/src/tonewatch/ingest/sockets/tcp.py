"""The TCP server of AudioSocket, for Asterisk."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from tonewatch.ingest.sockets.audiosocket import HANGUP, HEAD_BYTES, AudioSocketDecoder
from tonewatch.ingest.sockets.connection import LeftError, Parting
from tonewatch.ingest.sockets.hub import Hub
from tonewatch.ingest.sources import SourceKind
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.logging import get_logger

READ_BYTES: Final = 16 * 1024
BACKLOG: Final = 2048
HANGUP_FRAME: Final = bytes([HANGUP]) + bytes(HEAD_BYTES - 1)

log = get_logger(__name__)


class TcpConnection:
    """One accepted TCP connection."""

    kind: SourceKind = SourceKind.AUDIOSOCKET
    key: str | None = None

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self.labels: Mapping[str, str] = {}
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        """The next piece of the stream."""
        try:
            piece = await self._reader.read(READ_BYTES)
        except OSError as error:
            raise LeftError("the connection was lost", lost=True) from error
        if not piece:
            raise LeftError("the sender closed the connection")
        return piece

    async def welcome(self, session_id: str) -> None:
        """The protocol has no words for it."""

    async def part(self, parting: Parting) -> None:
        """Hang up; the protocol knows no reasons, which are in the log and the source's state."""
        with contextlib.suppress(OSError):
            if parting.is_wrong:
                self._writer.write(HANGUP_FRAME)
            self._writer.close()
            await self._writer.wait_closed()


class AudioSocketServer:
    """Listens, and hands connections to the hub."""

    def __init__(self, hub: Hub, host: str, port: int | None) -> None:
        self._hub = hub
        self._host = host
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self.port = 0
        """The port on which it listens; 0 while it does not."""

    async def open(self) -> None:
        """Listen, if a port is set.

        Raises:
            ConfigurationError: the port cannot be had.
        """
        if self._wanted_port is None:
            return
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._wanted_port, backlog=BACKLOG
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen for AudioSocket on {self._host}:{self._wanted_port}"
                f" ({error.strerror}); does another program use audiosocket_port?"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("listens for AudioSocket", port=self.port)

    def close(self) -> None:
        """Take no new connections; those there are end with the hub."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = peer[0] if peer else "unknown"
        if self._hub.refuse(address) is not None:
            writer.transport.abort()
            return
        try:
            await self._hub.serve(TcpConnection(address, reader, writer), AudioSocketDecoder())
        finally:
            # also where saying goodbye took too long: the buffer of one who does not read is let go
            writer.transport.abort()
