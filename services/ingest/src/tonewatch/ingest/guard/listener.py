"""A listening socket on loopback for one ffmpeg: an ephemeral port, few connections, no traces."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from tonewatch.ingest.guard.pipes import close
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.logging import get_logger

LOOPBACK: Final = "127.0.0.1"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

log = get_logger(__name__)


@asynccontextmanager
async def listening(serve: Serve, *, at_once: int) -> AsyncIterator[int]:
    """Serve connections until the block is left, at most `at_once` together; yields the port."""
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, TonewatchError):
            pass  # ffmpeg sees that the connection ends; the dialer knows why
        except Exception:
            log.exception("a connection of the pull guard failed")
        finally:
            await close(writer)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(running) >= at_once:
            writer.close()
            return
        task = asyncio.create_task(handle(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
