"""The fan-out: nobody misses an event without being told, and nobody can fill the memory."""

import json

import pytest

from tests.support.messages import make_alert, make_score
from tonewatch.console.live import Hub
from tonewatch.console.live.events import Wish
from tonewatch.console.live.hub import OVERLAP_MS
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.sse import Viewer

QUEUE = 10


@pytest.fixture
def hub() -> Hub:
    return Hub(Metrics(), viewer_queue=QUEUE)


def publish(hub: Hub, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        hub.publish(make_score(seq), 1000 * seq)


async def received(viewer: Viewer) -> list[tuple[str, int | None]]:
    """Names of the events that wait for a viewer, and their seconds; heartbeats left out."""
    viewer.close()
    wire = b"".join([batch async for batch in viewer.batches(0.01)]).decode()
    events = []
    for block in wire.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if fields["event"] != "status":
            events.append((fields["event"], json.loads(fields["data"]).get("seq")))
    return events


async def test_a_viewer_gets_what_comes_after_it_came(hub: Hub) -> None:
    publish(hub, 0, 2)
    viewer = hub.watch(None)
    publish(hub, 3, 4)
    assert await received(viewer) == [("score", 3), ("score", 4)]


async def test_a_viewer_that_comes_back_gets_exactly_what_it_missed(hub: Hub) -> None:
    publish(hub, 0, 4)
    cursor = hub.cursor
    publish(hub, 5, 7)
    assert await received(hub.watch(cursor)) == [("score", 5), ("score", 6), ("score", 7)]
    assert await received(hub.watch(hub.cursor)) == []


async def test_who_asked_for_alerts_alone_gets_no_scores_neither_late_nor_as_they_come(
    hub: Hub,
) -> None:
    cursor = hub.cursor
    publish(hub, 0, QUEUE)  # more than the queue of somebody who wants them would hold
    hub.publish(make_alert(), 0)
    viewer = hub.watch(cursor, Wish(names=frozenset({"alert"})))
    publish(hub, 11, 11 + QUEUE)
    hub.publish(make_alert(), 0)
    assert await received(viewer) == [("alert", None), ("alert", None)]


async def test_after_a_restart_of_the_console_it_gets_everything_since_with_some_overlap(
    hub: Hub,
) -> None:
    publish(hub, 0, 30)
    cursor = hub.cursor
    restarted = Hub(Metrics(), viewer_queue=QUEUE)
    publish(restarted, 0, 33)  # the streams are read again from a while ago
    events = await received(restarted.watch(cursor))
    first = 30 - OVERLAP_MS // 1000
    assert events == [("score", seq) for seq in range(first, 34)]


@pytest.mark.parametrize(
    "cursor", ["x", "a.b.c", "0.9.9", "other.5.1", "other.-1.1", "..", "é.1.1"]
)
async def test_a_cursor_that_means_nothing_here_is_answered_by_reset(hub: Hub, cursor: str) -> None:
    publish(hub, 3, 9)
    assert await received(hub.watch(cursor)) == [("reset", None)]


async def test_a_cursor_from_the_future_of_this_hub_is_answered_by_reset(hub: Hub) -> None:
    life, _, _ = hub.cursor.split(".")
    assert await received(hub.watch(f"{life}.99.99")) == [("reset", None)]


async def test_a_viewer_that_is_too_slow_is_told_to_start_afresh_and_holds_little(hub: Hub) -> None:
    slow, quick = hub.watch(None), hub.watch(None)
    first = quick.batches(0.01)
    assert b"status" in await anext(first)
    publish(hub, 0, QUEUE - 1)
    events = await received(slow)
    assert events[0] == ("reset", None)
    assert len(events) <= QUEUE
    assert await received(quick) == [("score", seq) for seq in range(QUEUE)]


async def test_silence_is_broken_by_heartbeats(hub: Hub) -> None:
    batches = hub.watch(None).batches(0.01)
    assert b"event: status" in await anext(batches)
    assert await anext(batches) == b""


async def test_an_outage_of_the_broker_is_told_once_and_its_end_when_all_readers_are_back(
    hub: Hub,
) -> None:
    hub.broker_away("scores", "refused")
    since = hub.status_data()["stale_since"]
    hub.broker_away("alerts", "refused")
    assert since is not None
    assert hub.status_data()["stale_since"] == since
    hub.broker_answers("alerts")
    assert hub.status_data()["stale_since"] == since
    hub.broker_answers("scores")
    assert hub.status_data()["stale_since"] is None


def test_viewers_are_counted(hub: Hub) -> None:
    viewer = hub.watch(None)
    assert b"tonewatch_live_viewers 1.0" in hub._metrics.render()
    hub.leave(viewer)
    assert b"tonewatch_live_viewers 0.0" in hub._metrics.render()


async def test_closing_ends_all_streams_also_those_that_come_later(hub: Hub) -> None:
    early = hub.watch(None)
    hub.close()
    for viewer in (early, hub.watch(None)):
        (only,) = [batch async for batch in viewer.batches(60)]
        assert b"event: status" in only


def test_an_event_is_one_line_of_json_whatever_the_names(hub: Hub) -> None:
    hub.publish(make_alert(rule="<script>\nalert(1)\r\n\r\nevent: x"), 1)
    wire = hub._history[-1].wire.decode()
    assert wire.count("\n") == 4
    assert "\r" not in wire
    assert [line.partition(":")[0] for line in wire.splitlines()] == ["id", "event", "data", ""]
