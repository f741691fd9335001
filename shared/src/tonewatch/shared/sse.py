"""Server-sent events (WHATWG HTML, section 9.2): their wire form, and one open stream of them."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi.responses import StreamingResponse

RETRY: Final = b"retry: 1000\n\n"
HEARTBEAT: Final = b": heartbeat\n\n"


def encode(name: str, data: Any, event_id: str | None = None) -> bytes:
    """One event; JSON has no raw line breaks, so one `data` line is enough."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: {text}\n\n".encode()


RESET: Final = encode("reset", {})
"""Tells a viewer that it missed something and has to start afresh."""


class Viewer:
    """One open event stream: its queue, which never holds more than `size` events."""

    def __init__(self, size: int, first: list[bytes]) -> None:
        self._size = size
        self._waiting: deque[bytes] = deque(first)
        self._arrived = asyncio.Event()
        self._closed = False

    def offer(self, wire: bytes) -> None:
        """Queue an event; if the viewer lags too far behind, everything it has not seen is void."""
        if len(self._waiting) >= self._size:
            self._waiting.clear()
            wire = RESET
        self._waiting.append(wire)
        self._arrived.set()

    def close(self) -> None:
        """End the stream after what is queued."""
        self._closed = True
        self._arrived.set()

    async def batches(self, heartbeat_seconds: float) -> AsyncIterator[bytes]:
        """What is queued, whenever there is something; empty bytes after a while of nothing."""
        while self._waiting or not self._closed:
            if self._waiting:
                batch = b"".join(self._waiting)
                self._waiting.clear()
                yield batch
                continue
            self._arrived.clear()
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    await self._arrived.wait()
            except TimeoutError:
                yield b""


def stream(
    viewer: Viewer,
    leave: Callable[[Viewer], None],
    *,
    heartbeat_seconds: float,
    heartbeat: Callable[[], bytes] = lambda: HEARTBEAT,
) -> StreamingResponse:
    """The answer that carries a viewer's events until it goes, with a heartbeat in between."""

    async def frames() -> AsyncIterator[bytes]:
        try:
            yield RETRY
            async for batch in viewer.batches(heartbeat_seconds):
                yield batch or heartbeat()
        finally:
            leave(viewer)

    return StreamingResponse(
        frames(),
        media_type="text/event-stream",
        # proxies must pass events on at once
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
