"""The real ingest as a process that can be killed, behind a real nginx-rtmp."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.integration.ingest.conftest import encoder, nginx, rtmp_port
from tests.integration.ingest.streams import Reader
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, HTTPError, create_client
from tonewatch.shared.messages import SessionState

__all__ = ["encoder", "nginx", "rtmp_port"]


class Victim:
    """An ingest process and what it published; the same port and data after every start."""

    def __init__(self, environment: dict[str, str], port: int, reader: Reader) -> None:
        self._environment = environment
        self.url = f"http://127.0.0.1:{port}"
        self.reader = reader
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; returns when it is ready."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tonewatch.ingest.main", "run", env=self._environment
        )
        async with self.client() as client:
            await wait_until(lambda: _ready(client), timeout_seconds=30)

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def client(self) -> AsyncClient:
        """For its API."""
        return create_client(base_url=self.url)

    def children(self) -> list[int]:
        """Its ffmpeg processes."""
        assert self.process is not None
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(each) for each in found]

    async def sessions_heard(self) -> int:
        """How many sessions have frames."""
        return len({frame.session_id for frame in await self.reader.frames()})

    async def adds_up(self) -> bool:
        """Whether all sessions have their end, and every frame before it exactly once."""
        started = await self.reader.sessions(SessionState.STARTED)
        ended = {e.session_id: e.frames for e in await self.reader.sessions(SessionState.ENDED)}
        if {event.session_id for event in started} - ended.keys():
            return False
        frames, gaps = await self.reader.frames(), await self.reader.gaps()
        for session_id, count in ended.items():
            seqs = [frame.seq for frame in frames if frame.session_id == session_id]
            for gap in gaps:
                if gap.session_id == session_id:
                    seqs += range(gap.first_seq, gap.last_seq + 1)
            assert sorted(seqs) == list(range(count or 0)), session_id
        return True


async def _ready(client: AsyncClient) -> bool:
    try:
        return (await client.get("/ready")).is_success
    except HTTPError:
        return False


@pytest.fixture
async def victim(
    redis_url: str,
    broker: RedisBroker,
    free_port: Callable[[], int],
    rtmp_port: int,
    tmp_path: Path,
    ffmpeg: str,
) -> AsyncIterator[Victim]:
    """A started ingest."""
    port, live = free_port(), f"rtmp://127.0.0.1:{rtmp_port}/live"
    settings = {
        "TONEWATCH_REDIS__URL": redis_url,
        "TONEWATCH_PARTITIONS": str(broker.partitions),
        "TONEWATCH_DATA_DIR": str(tmp_path / "data"),
        "TONEWATCH_INGEST__PORT": str(port),
        "TONEWATCH_INGEST__FFMPEG": ffmpeg,
        "TONEWATCH_INGEST__STALL_SECONDS": "3",
        "TONEWATCH_INGEST__RTMP_PLAY_BASE": live,
        "TONEWATCH_INGEST__RTMP_PUBLISH_BASE": live,
        "TONEWATCH_INGEST__EGRESS": '{"allow": ["127.0.0.0/8"]}',
    }
    made = Victim({**os.environ, **settings}, port, Reader(broker))
    await made.start()
    yield made
    await made.kill()
