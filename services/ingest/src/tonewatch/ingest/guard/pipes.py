"""Bytes from one connection to the other, with back-pressure and a bound on silence."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from tonewatch.ingest.guard.heads import READ_BYTES

IDLE_SECONDS: Final = 120.0
"""Twice the longest stall time: what is silent for so long has long been given up."""

PROMPT_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.25
"""Live streams drip. Once one runs, its drops are left to gather, unread, and passed on together:
handing each on by itself was seen to cost more than everything else that is done with it."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

Inspect = Callable[[bytes], None]
"""Sees what passes, before it does; raises to cut the connection."""


async def read_some(reader: asyncio.StreamReader) -> bytes:
    """What comes next; empty at the end.

    Raises:
        TimeoutError: nothing came for very long.
    """
    async with asyncio.timeout(IDLE_SECONDS):
        return await reader.read(READ_BYTES)


async def copy(
    source: Connection, writer: asyncio.StreamWriter, inspect: Inspect | None = None
) -> None:
    """All that comes, to its end; a connection that broke breaks the other one as well."""
    clock = asyncio.get_running_loop().time
    prompt_until = clock() + PROMPT_SECONDS
    try:
        while part := await read_some(source[0]):
            if inspect is not None:
                inspect(part)
            writer.write(part)
            await writer.drain()
            if len(part) < READ_BYTES and clock() > prompt_until:
                await _gather(source[1].transport)
    except OSError:
        writer.transport.abort()


async def _gather(transport: asyncio.WriteTransport) -> None:
    """Let drops lie in the socket: taken one by one each of them would wake us."""
    if not isinstance(transport, asyncio.Transport):  # pragma: no cover - a connection is one
        raise TypeError("a connection can be read")
    transport.pause_reading()
    try:
        await asyncio.sleep(GATHER_SECONDS)
    finally:
        transport.resume_reading()


async def first_of(*ways: asyncio.Task[None]) -> None:
    """Return when one of the directions has ended; the others are ended then."""
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        way.result()


async def both_ways(near: Connection, far: Connection, inspect: Inspect | None = None) -> None:
    """Until one side ends; `inspect` sees what comes from the far side."""
    await first_of(
        asyncio.create_task(copy(near, far[1])),
        asyncio.create_task(copy(far, near[1], inspect)),
    )


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever its state; what was written before still goes out."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
