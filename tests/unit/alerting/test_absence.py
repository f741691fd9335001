"""Streams that are down, scores that do not come: found by the clock; everybody finds the same."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.messages import make_frame, make_score, make_session
from tests.support.rules import Replica, alert_messages
from tests.support.wait import wait_until
from tonewatch.alerting.absence import AbsenceWatch
from tonewatch.shared.broker import MemoryBroker, Outcome, Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Alert, AlertSubject, Lane, SessionState
from tonewatch.shared.streams import FRAMES, SCORES, SESSIONS

DOWN = b"""rules:
- {name: down, match: [queue=hot], no_data: {kind: stream_down, longer_than_sec: 15}}
- {name: lag, no_data: {kind: inference_lag, longer_than_sec: 20}}
"""
BROKEN = "no audio for 10 s"


class Watched:
    """A replica and its watch; the clock of the broker and of the tracks can be moved."""

    def __init__(self, broker: MemoryBroker, name: str = "a", rules: bytes = DOWN) -> None:
        self.broker = broker
        self.replica = Replica(broker, name, rules=rules)
        self.watch = AbsenceWatch(
            broker, self.replica.tracks, lambda: self.replica.loaded, self.replica.metrics
        )

    async def look(self) -> list[tuple[str, str]]:
        """Evaluate what is new, look, and say everything that was ever published."""
        await self.replica.step()
        await self.watch.look()
        return [(alert.rule, alert.state.value) for alert in await alert_messages(self.broker)]

    def idle(self, seconds: float) -> None:
        """Let the tracks in hand be quiet for so long."""
        for track in self.replica.tracks:
            track.touched_at -= seconds


async def session(
    broker: MemoryBroker, session_id: str, state: SessionState, seconds_ago: float, **changes: Any
) -> None:
    values = {"labels": {"queue": "hot"}, "at": utc_now() - timedelta(seconds=seconds_ago)}
    event = make_session(state, session_id, **(values | changes))
    await broker.publish([Outgoing(SESSIONS, event)])


async def score(broker: MemoryBroker, seq: int, session_id: str = "call-1", **changes: Any) -> None:
    values: dict[str, Any] = {"labels": {"queue": "hot"}, "captured_at": utc_now()}
    message = make_score(seq, session_id=session_id, **(values | changes))
    await broker.publish([Outgoing(SCORES, message)])


async def test_a_session_that_broke_off_is_down_until_its_source_has_a_new_one(
    memory_broker: MemoryBroker,
) -> None:
    watched = Watched(memory_broker)
    await session(memory_broker, "call-0", SessionState.ENDED, 5, reason=BROKEN, source_id="other")
    assert await watched.look() == []  # not yet 15 s
    await session(memory_broker, "call-1", SessionState.STARTED, 60)
    await session(memory_broker, "call-1", SessionState.ENDED, 16, reason=BROKEN, frames=50)
    assert await watched.look() == [("down", "firing")]
    assert await watched.look() == [("down", "firing")]
    await session(memory_broker, "call-2", SessionState.STARTED, 0)
    assert await watched.look() == [("down", "firing"), ("down", "resolved")]
    assert await watched.look() == [("down", "firing"), ("down", "resolved")]
    firing, resolved = await alert_messages(memory_broker)
    assert firing.alert_id == resolved.alert_id
    assert (firing.subject, firing.session_id, firing.last_seq) == (
        AlertSubject.STREAM,
        "call-1",
        50,
    )
    assert firing.message == "down: the stream of source-1 is down for more than 15 s"
    assert (firing.at - firing.started_at).total_seconds() == 15
    assert resolved.at > firing.at


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "the publisher left"},
        {"reason": "ingest was stopped"},
        {"reason": "the stream ended", "kind": "rtmp"},
        {"reason": BROKEN, "lane": Lane.UPLOAD},
        {"reason": BROKEN, "labels": {"queue": "cold"}},
    ],
)
async def test_an_end_that_was_meant_or_that_no_rule_is_about_is_none(
    memory_broker: MemoryBroker, changes: dict[str, Any]
) -> None:
    await session(memory_broker, "call-1", SessionState.ENDED, 30, **changes)
    assert await Watched(memory_broker).look() == []


async def test_a_pulled_stream_is_meant_to_go_on(memory_broker: MemoryBroker) -> None:
    await session(memory_broker, "call-1", SessionState.ENDED, 30, reason="the stream ended")
    assert await Watched(memory_broker).look() == [("down", "firing")]


async def test_after_a_restart_and_in_another_replica_it_is_the_same_alert(
    memory_broker: MemoryBroker,
) -> None:
    await session(memory_broker, "call-1", SessionState.ENDED, 30, reason=BROKEN, frames=9)
    first, second = Watched(memory_broker), Watched(memory_broker, "b")
    await first.look()
    assert await second.look() == [("down", "firing")]
    again = Watched(memory_broker)
    await session(memory_broker, "call-2", SessionState.STARTED, 0)
    assert await again.look() == [("down", "firing"), ("down", "resolved")]


async def test_a_session_that_goes_on_but_brings_nothing_is_down_until_it_does(
    memory_broker: MemoryBroker,
) -> None:
    watched = Watched(memory_broker)
    await session(memory_broker, "call-1", SessionState.STARTED, 60)
    await score(memory_broker, 0)
    assert await watched.look() == []
    watched.idle(16)
    assert await watched.look() == [("down", "firing")]
    await score(memory_broker, 1)
    assert await watched.look() == [("down", "firing"), ("down", "resolved")]


async def test_what_ceased_and_is_then_found_broken_is_one_alert(
    memory_broker: MemoryBroker,
) -> None:
    watched = Watched(memory_broker)
    await score(memory_broker, 0)
    await watched.look()
    watched.idle(16)
    await watched.look()
    reason = "ingest was stopped without warning"
    await session(memory_broker, "call-1", SessionState.ENDED, 20, reason=reason, frames=5)
    assert await watched.look() == [("down", "firing")]
    await session(memory_broker, "call-2", SessionState.STARTED, 0)
    assert await watched.look() == [("down", "firing"), ("down", "resolved")]


async def test_frames_that_wait_to_be_scored_are_no_silence_of_their_stream(
    memory_broker: MemoryBroker,
) -> None:
    """Our own worker died: that is another condition."""
    clock_ms = memory_broker._clock_ms()
    memory_broker._clock_ms = lambda: clock_ms
    watched = Watched(memory_broker)
    await score(memory_broker, 0)
    await watched.look()
    await memory_broker.publish([Outgoing(FRAMES, make_frame(1), {"pcm": b""})])
    clock_ms += 21_000
    watched.idle(21)
    assert await watched.look() == [("lag", "firing")]
    assert await watched.look() == [("lag", "firing")]
    alert = (await alert_messages(memory_broker))[0]
    assert (alert.subject, alert.value, alert.session_id) == (
        AlertSubject.INFERENCE,
        21.0,
        "inference",
    )
    again = Watched(memory_broker)  # the same after a restart
    assert await again.look() == [("lag", "firing")]
    for delivery in await memory_broker.read([FRAMES], "inference", "w", count=10):
        await memory_broker.settle([Outcome(delivery)])
    assert await again.look() == [("lag", "firing"), ("lag", "resolved")]


async def test_what_is_open_of_a_rule_that_is_gone_is_resolved(
    memory_broker: MemoryBroker,
) -> None:
    await session(memory_broker, "call-1", SessionState.ENDED, 30, reason=BROKEN)
    await Watched(memory_broker).look()
    other = Watched(memory_broker, rules=b"rules: []")
    assert await other.look() == [("down", "firing"), ("down", "resolved")]


async def test_what_stays_open_is_said_again_before_the_stream_forgets_it(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await session(memory_broker, "call-1", SessionState.ENDED, 30, reason=BROKEN)
    watched = Watched(memory_broker)
    await watched.look()
    monkeypatch.setattr("tonewatch.alerting.absence._watch.REPEAT_AFTER", timedelta(0))
    await watched.look()
    await watched.look()
    alerts: list[Alert] = await alert_messages(memory_broker)
    assert {alert.alert_id for alert in alerts} == {alerts[0].alert_id}
    assert len(alerts) > 1


async def test_the_watch_looks_until_it_is_stopped(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.alerting.absence._watch.LOOK_SECONDS", 0.01)
    await session(memory_broker, "call-1", SessionState.ENDED, 30, reason=BROKEN)
    watched, stop = Watched(memory_broker), asyncio.Event()
    loop = asyncio.create_task(watched.watch.watch_absence(stop))

    async def is_told() -> bool:
        return bool(await alert_messages(memory_broker))

    await wait_until(is_told)
    stop.set()
    await loop
