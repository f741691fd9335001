"""A server that answers webhooks at once and notes when each arrived."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def declared(url: str) -> str:
    """The setting `webhooks` of the alerting service, with one receiver."""
    return json.dumps([{"name": "bench", "url": url, "secret": SECRET}])


class Receiver:
    """An HTTP server that notes when each webhook arrived."""

    def __init__(self) -> None:
        self.arrived: list[tuple[float, dict[str, object]]] = []
        self.url = ""

    async def until_quiet(self) -> None:
        """Wait until a second passes without a webhook, and forget those that came."""
        known = -1
        while known != len(self.arrived):
            known = len(self.arrived)
            await asyncio.sleep(1)
        self.arrived = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve on a free port."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        async with server:
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().splitlines()
                    if line.startswith(b"content-length:")
                )
                body = json.loads(await reader.readexactly(length))
                self.arrived.append((time.time(), body))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the sender, or the measurement, is done
        finally:
            writer.close()
