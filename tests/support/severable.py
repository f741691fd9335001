"""A connection to a server that a test can cut: bytes stop, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Severable:
    """A TCP proxy before a unix socket. While it is cut, nothing passes and nothing is closed."""

    def __init__(self, path: Path) -> None:
        self.port = 0
        self._path = path
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """For a Redis client."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """As if the network were gone."""
        self._whole.clear()

    def mend(self) -> None:
        """As if it were back; what was under way arrives now."""
        self._whole.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            away_reader, away_writer = await asyncio.open_unix_connection(self._path)
            await asyncio.gather(self._pass(reader, away_writer), self._pass(away_reader, writer))
        except ConnectionError:
            pass
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def severable(path: Path) -> AsyncIterator[Severable]:
    """A proxy that listens."""
    made = Severable(path)
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
