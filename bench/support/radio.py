"""A radio station: sends one AAC recording to everybody who connects, in real time, over and over.

A process of its own, so that what it costs is not counted with what it feeds. It ends with its
input: `python radio.py FILE SECONDS` prints its port and serves until stdin closes.
"""

import asyncio
import contextlib
import sys
from pathlib import Path

TICK_SECONDS = 0.1


async def serve(recording: bytes, seconds: float) -> None:
    """Serve until stdin closes."""
    step = int(len(recording) * TICK_SECONDS / seconds)
    parts = [recording[start : start + step] for start in range(0, len(recording), step)]

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/aac\r\n\r\n")
            loop, number = asyncio.get_running_loop(), 0
            began = loop.time()
            while True:
                writer.write(parts[number % len(parts)])
                await writer.drain()
                number += 1
                await asyncio.sleep(max(0.0, began + number * TICK_SECONDS - loop.time()))
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).read_bytes(), float(sys.argv[2])))
