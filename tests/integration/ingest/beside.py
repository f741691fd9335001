"""A live source beside another one that gets trouble: it must not notice anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

from tests.integration.ingest.streams import Reader, StreamServer
from tests.support.audio import speech_like_pcm
from tests.support.wait import wait_until
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import Frame, SessionState

IN_REAL_TIME = {"pull_ahead_seconds": 1}
"""So ingest takes a frame a second of what the server sends all at once."""
LEAST_FRAMES = 4
LATE = timedelta(seconds=6)
"""A frame a second; on a machine with much to do, some come later, but none is left out. Who waited
for a trouble of eight seconds to be over would be later still."""
PATH = "/calm"


@asynccontextmanager
async def undisturbed(
    client: AsyncClient, server: StreamServer, reader: Reader, seconds: float = 120
) -> AsyncIterator[str]:
    """A source that is live from before the block until after it, and has all its audio."""
    pcm = speech_like_pcm(seconds)
    server.add_live(PATH, pcm)
    answer = await client.post("/v1/sources", json={"name": "calm", "url": server.url(PATH)})
    source_id: str = answer.json()["id"]
    await wait_until(lambda: has_frames_of(reader, source_id, 1))
    yield source_id
    before = len(await reader.frames(source_id))
    await wait_until(lambda: has_frames_of(reader, source_id, max(LEAST_FRAMES, before + 1)))
    (started,) = await reader.sessions(SessionState.STARTED, source_id)
    assert await reader.sessions(SessionState.ENDED, source_id) == []
    frames = await reader.frames(source_id)
    assert {frame.session_id for frame in frames} == {started.session_id}
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    pause = longest_pause(frames)
    assert pause < LATE, pause
    assert [gap for gap in await reader.gaps() if gap.source_id == source_id] == []


def longest_pause(frames: list[Frame]) -> timedelta:
    """The longest time between two frames, beyond the first ones, which come together."""
    times = [frame.captured_at for frame in frames]
    return max(later - earlier for earlier, later in pairwise(times))


async def has_frames_of(reader: Reader, source_id: str, least: int) -> bool:
    """Whether so many frames of a source are there."""
    return len(await reader.frames(source_id)) >= least
