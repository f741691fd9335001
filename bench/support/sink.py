"""Servers that answer webhooks at once, and one that never does; a process of its own.

Prints its ports, then for each line on its standard input the ages of what came, as JSON.
"""

import asyncio
import json
import sys
import time
from datetime import datetime

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection; reads requests without parsing more than it must."""

    ages: list[float] = []  # noqa: RUF012 - shared on purpose

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r\n", 1)[0])
            if len(self.received) < end + 4 + length:
                return
            body = self.received[end + 4 : end + 4 + length]
            self.received = self.received[end + 4 + length :]
            self.answer(body)

    def answer(self, body: bytes) -> None:
        """Note the message's age and say that it came."""
        decided = json.loads(body)["timestamp"]
        self.ages.append(1000 * (time.time() - datetime.fromisoformat(decided).timestamp()))
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(ANSWER)


class Hanging(Receiver):
    """Takes requests and says nothing."""

    def answer(self, body: bytes) -> None:
        """Say nothing."""


async def main() -> None:
    """Listen until told to end."""
    loop = asyncio.get_running_loop()
    protocols = [Receiver] * int(sys.argv[1]) + [Hanging]
    servers = [await loop.create_server(protocol, "127.0.0.1", 0) for protocol in protocols]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(Receiver.ages), flush=True)
        Receiver.ages.clear()


if __name__ == "__main__":
    asyncio.run(main())
