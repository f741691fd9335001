"""Streams of people: only what they may see, and only as long as they may."""

import asyncio
from typing import Any

import pytest

from tests.support.messages import make_alert, make_score, make_session
from tests.support.wait import wait_until
from tonewatch.console.auth.permissions import ROLES, Role
from tonewatch.console.auth.principal import Principal
from tonewatch.console.live import Hub, Watchers
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.sse import Viewer

OURS = {"agent_id": "1"}
THEIRS = {"agent_id": "2"}


def person(name: str, **labels: str) -> Principal:
    return Principal(name, Role.AGENT, ROLES[Role.AGENT], "session", labels, name, name)


@pytest.fixture
def hub() -> Hub:
    return Hub(Metrics(), viewer_queue=100)


async def everything(viewer: Viewer) -> str:
    """What a viewer is told, to the end of its stream."""
    viewer.close()
    return b"".join([batch async for batch in viewer.batches(1)]).decode()


async def nobody_ends(_principal: Principal) -> bool:
    return True


async def test_a_viewer_is_told_only_of_what_it_may_see(hub: Hub) -> None:
    watchers = Watchers(hub, nobody_ends)
    ours, all_of_it = watchers.watch(person("a", **OURS), None), watchers.watch(person("b"), None)
    for number, labels in enumerate((OURS, THEIRS), 1):
        call: dict[str, Any] = {"session_id": f"call-{number}", "labels": labels}
        hub.publish(make_session(**call), 1)
        hub.publish(make_score(0, **call), 2)
        hub.publish(make_alert(alert_id=f"alert-{number}", **call), 3)
    hub.broker_away("x", "away")
    told = await everything(ours)
    assert "call-1" in told
    assert "call-2" not in told
    assert '"reason":"away"' in told
    assert "call-2" in await everything(all_of_it)
    late = watchers.watch(person("a", **OURS), hub.cursor.split(".")[0] + ".0.0")
    assert "call-2" not in await everything(late)
    board = hub.board.public(3, person("a", **OURS).sees)
    assert [each["session_id"] for each in board["sessions"]] == ["call-1"]
    assert [each["alert_id"] for each in board["alerts"]] == ["alert-1"]


async def test_a_stream_ends_when_its_owner_may_no_longer_see_it(hub: Hub) -> None:
    out: set[str] = set()

    async def still(principal: Principal) -> bool:
        return principal.name not in out

    watchers = Watchers(hub, still, look_seconds=0.01)
    stop = asyncio.Event()
    looking = asyncio.create_task(watchers.end_void(stop))
    first, again, other = (watchers.watch(person(name), None) for name in ("a", "a", "b"))
    out.add("a")
    await wait_until(lambda: first._closed and again._closed)
    assert not other._closed
    for viewer in (first, again, other):
        watchers.leave(viewer)
    assert watchers._viewers == {}
    assert hub._viewers == {}
    stop.set()
    await looking
