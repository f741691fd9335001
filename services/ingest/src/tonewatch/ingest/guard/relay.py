"""A TCP relay for protocols that know no HTTP proxy: ffmpeg connects to loopback, the guard beyond.

It leads to the one host of the source and nowhere else. What RTSP would do beyond that is cut off:
ffmpeg follows a redirect by itself, to any address.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tonewatch.ingest.guard.dial import Dialer
from tonewatch.ingest.guard.listener import listening
from tonewatch.ingest.guard.pipes import Inspect, both_ways, close
from tonewatch.shared.errors import ForbiddenAddressError

CONNECTIONS: Final = 2
"""One, and another while the first one is being closed: RTMP logs in with a second connection."""

LINE_BYTES: Final = 4096
"""As much of a line as ffmpeg looks at."""
MOST_LINES: Final = 64

_STATUS: Final = re.compile(rb"RTSP/[^ \t\n]*[ \t]+[\x0b\x0c]*([+-]?[0-9]+)")


@asynccontextmanager
async def relaying(dialer: Dialer, host: str, port: int, *, rtsp: bool) -> AsyncIterator[int]:
    """Relay until the block is left; yields the port on loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await dialer.connect(host, port)
        try:
            await both_ways((reader, writer), far, _no_redirects(dialer) if rtsp else None)
        finally:
            await close(far[1])

    async with listening(serve, at_once=CONNECTIONS) as own_port:
        yield own_port


def _no_redirects(dialer: Dialer) -> Inspect:
    """Cuts the connection at an RTSP redirect; sound never looks like one."""
    seen = b""

    def inspect(part: bytes) -> None:
        nonlocal seen
        seen += part.replace(b"\r", b"")
        if redirects(seen):
            dialer.refusal = ForbiddenAddressError(
                "the server redirects, which is not followed for rtsp; use the URL it redirects to"
            )
            dialer.problem = dialer.refusal
            raise dialer.refusal
        seen = seen[-LINE_BYTES:]

    return inspect


def redirects(text: bytes) -> bool:
    """Whether ffmpeg could read a status of 300 to 399 out of this (without carriage returns).

    It takes any first word that begins with `RTSP/`, and reads the second one as C does: signs,
    zeros and what overflows included. So many status lines at once that looking takes long are
    taken for one.
    """
    at, lines = text.find(b"RTSP/"), 0
    while at >= 0:
        lines += 1
        match = _STATUS.match(text, at, at + LINE_BYTES)
        if lines > MOST_LINES or (match and _as_int(match.group(1)) in range(300, 400)):
            return True
        at = text.find(b"RTSP/", at + 1)
    return False


def _as_int(digits: bytes) -> int:
    """What C's atoi makes of it, on a machine with a long of 64 bits."""
    clamped = max(-(2**63), min(2**63 - 1, int(digits)))
    return clamped & 0xFFFF_FFFF
