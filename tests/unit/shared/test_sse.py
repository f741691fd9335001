"""Server-sent events: their wire form, and a viewer that lags."""

import asyncio
import json

from tonewatch.shared.sse import HEARTBEAT, RESET, RETRY, Viewer, encode, stream


async def next_of(viewer: Viewer, heartbeat_seconds: float = 60) -> bytes:
    async with asyncio.timeout(30):
        return await anext(viewer.batches(heartbeat_seconds))


def test_an_event_is_one_line_of_data_whatever_is_in_it() -> None:
    lines = encode("note", {"text": "two\nlines 王"}, "7").decode().splitlines()
    assert lines[:2] == ["id: 7", "event: note"]
    assert json.loads(lines[2].removeprefix("data: ")) == {"text": "two\nlines 王"}
    assert lines[3:] == [""]
    assert not encode("note", 1).startswith(b"id:")


async def test_a_viewer_gets_at_once_what_is_queued_and_later_what_comes() -> None:
    viewer = Viewer(9, [b"first"])
    viewer.offer(b" second")
    assert await next_of(viewer) == b"first second"
    later = asyncio.create_task(next_of(viewer))
    await asyncio.sleep(0)
    viewer.offer(b"third")
    assert await later == b"third"


async def test_a_viewer_that_lags_too_far_starts_afresh() -> None:
    viewer = Viewer(2, [])
    for wire in (b"a", b"b", b"c"):
        viewer.offer(wire)
    assert await next_of(viewer) == RESET


async def test_a_quiet_stream_has_a_heartbeat_and_ends_when_it_is_closed() -> None:
    viewer = Viewer(2, [])
    left: list[Viewer] = []
    frames = aiter(stream(viewer, left.append, heartbeat_seconds=0.001).body_iterator)
    async with asyncio.timeout(30):
        assert await anext(frames) == RETRY
        assert await anext(frames) == HEARTBEAT
        viewer.offer(b"last")
        viewer.close()
        rest = [frame async for frame in frames]
    assert rest[-1] == b"last"
    assert left == [viewer]
