"""Changes of sources reach everybody who watches, also who was away for a moment."""

import asyncio
import json
from typing import Any

from tonewatch.ingest.handlers.schemas import SourceView
from tonewatch.ingest.live import Feed, SourceState, Status, feed
from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.drift import Drift
from tonewatch.ingest.sources import Source, SourceKind
from tonewatch.shared.clock import utc_now
from tonewatch.shared.sse import RESET, Viewer

SOURCE = Source(id="s1", name="line", kind=SourceKind.WEBSOCKET, created_at=utc_now())


async def taken(viewer: Viewer) -> bytes:
    """All that is queued."""
    async with asyncio.timeout(30):
        return await anext(viewer.batches(heartbeat_seconds=60))


async def events(viewer: Viewer) -> list[dict[str, Any]]:
    """The data of all that is queued."""
    lines = (await taken(viewer)).decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


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


async def test_an_event_says_of_a_source_what_the_api_says() -> None:
    changes = Feed()
    viewer = changes.watch(None)
    status = Status("s1", changes.publish, replica="host-1")
    status.began("call-1", Drift())
    (event,) = await events(viewer)
    in_api = SourceView.model_fields.keys()
    assert event.keys() <= {"source_id", *in_api}
    assert (event["session_id"], event["open_sessions"], event["replica"]) == (
        *("call-1", 1, "host-1"),
    )


async def test_every_call_that_comes_or_goes_is_one_event_with_their_number() -> None:
    changes = Feed()
    viewer = changes.watch(None)
    status = Status("s1", changes.publish, recount=changes.publish)
    calls = CallsSupervisor(SOURCE, status, most=9)
    one, two = Caller(), Caller()
    calls.join(one)
    calls.began("call-1")
    calls.join(two)
    calls.began("call-2")
    calls.leave(one, "call-1", "the sender ended the stream")
    calls.leave(two, "call-2", "the sender ended the stream")
    assert [(each["state"], each["open_sessions"]) for each in await events(viewer)] == [
        *(("connecting", 0), ("live", 1), ("live", 2), ("live", 1), ("idle", 0)),
    ]


class Caller:
    """A call that is never heard of again."""

    def end(self, reason: str) -> None:
        """Nothing to end."""

    async def ended(self) -> None:
        """It is."""
