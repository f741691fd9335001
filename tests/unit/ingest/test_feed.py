"""Changes of sources reach everybody who watches, also who was away for a moment."""

import asyncio

from tonewatch.ingest.live import Feed, SourceState, Status, feed
from tonewatch.shared.sse import RESET, Viewer


async def taken(viewer: Viewer) -> bytes:
    """All that is queued."""
    async with asyncio.timeout(5):
        return await anext(viewer.batches(heartbeat_seconds=60))


def moved(source: Feed, *states: SourceState) -> Status:
    status = Status("s1", source.publish)
    for state in states:
        status.move(state)
    return status


async def test_a_viewer_gets_what_happens_and_what_it_missed() -> None:
    changes = Feed()
    moved(changes, SourceState.CONNECTING)
    cursor, viewer = changes.cursor, changes.watch(None)
    moved(changes, SourceState.LIVE)
    heard = await taken(viewer)
    assert heard.count(b"event: source") == 1
    assert b'"state":"live"' in heard
    changes.leave(viewer)
    moved(changes, SourceState.STALLED)
    back = await taken(changes.watch(cursor))
    assert [part.split(b'"', 1)[0] for part in back.split(b'"state":"')[1:]] == [
        b"live",
        b"stalled",
    ]


async def test_who_was_away_too_long_or_before_a_restart_starts_afresh() -> None:
    changes = Feed()
    start = changes.cursor
    for _ in range(feed.HISTORY_EVENTS // 2 + 1):
        moved(changes, SourceState.LIVE, SourceState.STALLED)
    for cursor in (start, "other.1", "nonsense", "x.y"):
        assert await taken(changes.watch(cursor)) == RESET


def test_a_status_keeps_its_newest_hundred_changes() -> None:
    status = moved(Feed(), *[SourceState.LIVE, SourceState.STALLED] * 80)
    assert len(status.history) == 100
    assert status.history[-1].state is SourceState.STALLED
