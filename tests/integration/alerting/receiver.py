"""A real HTTP receiver of webhooks on loopback, which answers as a test wants it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Request:
    """One request as it came."""

    headers: dict[str, str]
    body: str
    event: dict[str, Any] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def kind(self) -> str:
        kind: str = self.event["type"]
        return kind


Answer = tuple[int, dict[str, str], str]
Behave = Callable[[Request], Awaitable[Answer]]


async def accept(request: Request) -> Answer:
    return 204, {}, ""


class Receiver:
    """Collects requests; every one must carry a signature that the library accepts."""

    def __init__(self, behave: Behave = accept, secret: str = SECRET) -> None:
        self.behave = behave
        self.secret = secret
        self.requests: list[Request] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def kinds(self) -> list[str]:
        return [request.kind for request in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        lines = head.split("\r\n")[1:]
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        request = Request(headers, body)
        request.event = Webhook(self.secret).verify(body, headers)
        self.requests.append(request)
        status, more, text = await self.behave(request)
        fields = {"content-length": str(len(text.encode())), **more}
        shown = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{shown}\r\n{text}".encode())
        await writer.drain()


@asynccontextmanager
async def receiving(behave: Behave = accept, secret: str = SECRET) -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver(behave, secret)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        await receiver.handle(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
