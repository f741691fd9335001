"""A client that connects as often as it can, as a process of its own.

    python -m tests.integration.ingest.flood PORT CONNECTS SECONDS [KIND]

It makes so many connects, or goes on for so long, whatever ends first, and prints what became of
them, as JSON: the HTTP statuses, and `ended` where the other side hung up without one.
"""

import asyncio
import json
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Final

AT_ONCE: Final = 50
ANSWER_SECONDS: Final = 20.0
ROOT: Final = Path(__file__).parents[3]
UPGRADE: Final = (
    b"GET /v1/ws/pcm HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
SAID: Final = {
    "websocket": UPGRADE,
    "http": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    # a UUID that no source has: it is looked up, and hung up on
    "audiosocket": b"\x01\x00\x10" + bytes(16),
}


async def flood(
    port: int, kind: str, *, connects: int = 10_000, seconds: float = 8
) -> Counter[str]:
    """Run the client; returns how often what became of a connect."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.ingest.flood"),
        *(str(port), str(connects), str(seconds), kind),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    return Counter(json.loads(said))


async def _flood(port: int, kind: str, connects: int, seconds: float) -> Counter[str]:
    clock = asyncio.get_running_loop().time
    made, until, outcomes = count(), clock() + seconds, Counter[str]()

    async def work() -> None:
        while next(made) < connects and clock() < until:
            outcomes[await _connect(port, SAID[kind])] += 1

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return outcomes


async def _connect(port: int, said: bytes) -> str:
    """Connect, say it, and hear the first of the answer."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            answer = await reader.read(64)
    except ConnectionError:
        return "ended"
    except TimeoutError:
        return "nothing"
    writer.transport.abort()
    return answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "ended"


if __name__ == "__main__":
    port, connects, seconds, kind = sys.argv[1:]
    done = asyncio.run(_flood(int(port), kind, int(connects), float(seconds)))
    sys.stdout.write(json.dumps(done))
