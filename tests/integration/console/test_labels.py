"""Whoever is limited by labels sees nothing of others: by page, API, event stream or export."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import PARTITIONS
from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.messages import make_alert, make_score, make_session
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.console.live import hub
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings

OURS: Final = {"agent_id": "1042", "queue": "vip"}
THEIRS: Final = {"agent_id": "9988", "queue": "night"}
MARK: Final = "9988"
"""It is in everything that belongs to the other agent, and in nothing else."""

LIMITS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "agent": ("agent", {"agent_id": "1042"}),
    "inspector of a queue": ("inspector", {"queue": "vip"}),
    "supervisor of a queue": ("supervisor", {"queue": "vip"}),
    "admin of both labels": ("admin", OURS),
}


@dataclass
class Floor:
    """A console before real services that hold calls of two agents."""

    console: Console
    broker: RedisBroker

    async def publish(self, agent: str, labels: dict[str, str], first_seq: int = 0) -> None:
        """Seconds of a call, and an alert of it."""
        now = utc_now()
        call: dict[str, Any] = {
            "session_id": f"call-{agent}",
            "source_id": f"source-{agent}",
            "labels": labels,
        }
        whole = [Outgoing(SESSIONS, make_session(name=f"line of {agent}", at=now, **call))]
        for seq in range(first_seq, first_seq + 3):
            score = make_score(seq, "angry", captured_at=now + timedelta(seconds=seq), **call)
            whole.append(Outgoing(SCORES, score))
        call |= {"started_at": now, "at": now, "decided_at": now}
        words = f"angry words of {agent}"
        alert = make_alert(alert_id=f"alert-{agent}", message=words, **call)
        whole.append(Outgoing(ALERTS, alert))
        await self.broker.publish(whole)


@asynccontextmanager
async def services(broker: RedisBroker, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Storage and alerting at work."""
    common = {"partitions": PARTITIONS, "data_dir": folder}
    storage = StorageSettings.model_validate(
        common | {"storage": {"port": 0, "rollup_seconds": 0.1}}
    )
    alerting = AlertingSettings.model_validate(common | {"alerting": {"port": 0}})
    async with (  # one after the other: Alembic knows one migration at a time
        running(StorageService(storage, broker)) as storage_url,
        running(AlertingService(alerting, broker)) as alerting_url,
    ):
        yield {"storage": storage_url, "alerting": alerting_url}


@pytest.fixture
async def floor(suite: FakeSuite, broker: RedisBroker, tmp_path: Path) -> AsyncIterator[Floor]:
    suite.sources = [
        {"id": f"source-{labels['agent_id']}", "name": "x", "labels": labels}
        for labels in (OURS, THEIRS)
    ]
    async with services(broker, tmp_path) as urls:
        suite.urls.update(urls)
        async with opened_console(suite, broker, tmp_path) as console:
            made = Floor(console, broker)
            await made.publish("1042", OURS)
            await made.publish(MARK, THEIRS)
            await wait_until(lambda: everything_is_there(console.client), 60)
            yield made


async def everything_is_there(client: AsyncClient) -> bool:
    """Whether an admin finds both agents wherever they are to be found."""
    for path in SHOWING_CALLS:
        answer = await client.get(path)
        if answer.status_code != 200 or "1042" not in answer.text or MARK not in answer.text:
            return False
    return True


SHOWING_CALLS: Final = (
    "/api/v1/live",
    "/api/v1/sessions",
    "/api/v1/records",
    "/api/v1/segments",
    "/api/v1/alerts",
    "/api/v1/inbox",
    "/api/v1/sources",
    "/api/v1/stats/agents",
    "/api/v1/export/records",
    "/api/v1/export/records?format=jsonl",
    "/api/v1/export/segments",
    "/api/v1/export/alerts",
)
"""What shows both agents to an admin, and must show one to whoever is limited."""

SUMS: Final[Mapping[str, Callable[[Any], int]]] = {
    "/api/v1/stats/emotions": lambda body: body["total"],
    "/api/v1/stats/alerts": lambda body: body["total"],
    "/api/v1/stats/trend": lambda body: sum(item["alerts"] for item in body["items"]),
    "/api/v1/stats/heatmap": lambda body: sum(item["emotion_seconds"] for item in body["items"]),
}
"""What names nobody, but would count others in."""

ABOUT_ONE: Final = (
    "/api/v1/sessions/call-{}",
    "/api/v1/sessions/call-{}/timeline",
    "/api/v1/sessions/call-{}/segments",
    "/api/v1/alerts/alert-{}",
    "/api/v1/inbox/alert-{}",
)


@pytest.mark.parametrize("who", LIMITS)
async def test_lists_and_exports_show_only_what_carries_the_labels(floor: Floor, who: str) -> None:
    role, labels = LIMITS[who]
    async with floor.console.as_(role, dict(labels)) as client:
        for path in SHOWING_CALLS:
            answer = await client.get(path)
            if role == "agent" and path == "/api/v1/sources":
                assert answer.status_code == 403
                continue
            assert answer.status_code == 200, (path, answer.text)
            assert "1042" in answer.text, path
            assert MARK not in answer.text, path
        for path, total in SUMS.items():
            everything = total((await floor.console.client.get(path)).json())
            seen = total((await client.get(path)).json())
            assert 0 < seen < everything, path


@pytest.mark.parametrize("who", LIMITS)
async def test_a_call_of_another_agent_is_not_there(floor: Floor, who: str) -> None:
    role, labels = LIMITS[who]
    async with floor.console.as_(role, dict(labels)) as client:
        for path in ABOUT_ONE:
            assert (await client.get(path.format("1042"))).status_code == 200, path
            theirs = await client.get(path.format(MARK))
            nobodys = await client.get(path.format("none"))
            assert theirs.status_code == nobodys.status_code == 404, path
            # nor does the refusal tell that it is somebody's
            assert theirs.text.replace(MARK, "none") == nobodys.text
        assert (await client.get(f"/api/v1/alerts/alert-{MARK}/clip")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        f"label=agent_id:{MARK}",
        f"label=agent_id%3A{MARK}",
        f"label=queue:vip&label=agent_id:{MARK}",
        f"agent_id={MARK}",
        f"%61gent_id={MARK}",
    ],
)
async def test_asking_for_another_agent_is_refused(floor: Floor, query: str) -> None:
    async with floor.console.as_("agent", {"agent_id": "1042"}) as client:
        for path in ("sessions", "records", "alerts", "export/records", "stats/emotions"):
            answer = await client.get(f"/api/v1/{path}?{query}")
            assert answer.status_code == 403, path
            assert "agent_id=1042" in answer.json()["detail"]


async def test_other_filters_lead_nowhere_else(floor: Floor) -> None:
    async with floor.console.as_("agent", {"agent_id": "1042"}) as client:
        for query in (
            f"session_id=call-{MARK}",
            f"source_id=source-{MARK}",
            "label=agent_id:1042&source_id=source-" + MARK,
            "queue=night",
        ):
            answer = await client.get(f"/api/v1/records?{query}")
            assert answer.json()["items"] == [], query
        # one's own filters still work
        own = await client.get("/api/v1/records?label=queue:vip&agent_id=1042&limit=2")
        assert len(own.json()["items"]) == 2
        following = await client.get(
            "/api/v1/records", params={"limit": 2, "cursor": own.json()["next_cursor"]}
        )
        assert len(following.json()["items"]) == 1


async def test_acting_on_an_alert_of_another_queue_is_refused(floor: Floor) -> None:
    async with floor.console.as_("inspector", {"queue": "vip"}) as client:
        act = {"by": "li"}
        done = await client.post("/api/v1/inbox/alert-1042/acknowledge", json=act)
        assert done.status_code == 200
        refused = await client.post(f"/api/v1/inbox/alert-{MARK}/acknowledge", json=act)
        assert refused.status_code == 404
        verdict = {"by": "li", "verdict": "right"}
        judged = await client.put(f"/api/v1/alerts/alert-{MARK}/verdict", json=verdict)
        assert judged.status_code == 404
    theirs = (await floor.console.client.get(f"/api/v1/inbox/alert-{MARK}")).json()
    assert theirs["acknowledged"] is None
    assert (await floor.console.client.get(f"/api/v1/alerts/alert-{MARK}")).json()[
        "verdict"
    ] is None


async def test_the_inbox_looks_through_pages_until_it_finds_what_is_ours(floor: Floor) -> None:
    await floor.publish(f"{MARK}-late", THEIRS)

    async def is_there() -> bool:
        found = await floor.console.client.get("/api/v1/inbox?limit=1")
        return MARK in found.text

    await wait_until(is_there, 30)
    async with floor.console.as_("agent", {"agent_id": "1042"}) as client:
        found = (await client.get("/api/v1/inbox?limit=1")).json()
    assert [item["labels"] for item in found["items"]] == [OURS]


async def test_no_page_tells_of_others(floor: Floor) -> None:
    async with floor.console.as_("agent", {"agent_id": "1042"}) as client:
        for path in ("/", "/alerts", "/history", f"/calls/call-{MARK}", "/account"):
            page = await client.get(path)
            assert page.status_code == 200
            assert MARK not in page.text.replace(f"/calls/call-{MARK}", "")


async def listen(client: AsyncClient, last_id: str | None, until: str) -> list[str]:
    """Events of the live stream as they come over the wire, up to one that holds a text."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    lines: list[str] = []
    async with (
        asyncio.timeout(30),
        client.stream("GET", "/api/v1/events", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            lines.append(line)
            if until in line:
                break
    return lines


async def test_the_event_stream_tells_only_of_what_carries_the_labels(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "OVERLAP_MS", 0)
    console = floor.console
    async with console.as_("agent", {"agent_id": "1042"}) as client:
        cursor = (await client.get("/api/v1/live")).json()["cursor"]
        listening = asyncio.create_task(listen(client, cursor, '"seq":15'))
        await wait_until(lambda: len(console.service.hub._viewers) == 1)
        await floor.publish(MARK, THEIRS, first_seq=10)
        await floor.publish("1042", OURS, first_seq=13)
        told = await listening
        # whoever comes back gets what was missed, from this console or from one before it
        life, number, moment = cursor.split(".")
        again = await listen(client, f"{life}.{number}.{moment}", '"seq":15')
        before = await listen(client, f"former.{number}.{moment}", '"seq":15')
    for lines in (told, again, before):
        assert any("1042" in line for line in lines)
        assert not any(MARK in line for line in lines)
    everything = await listen(console.client, cursor, '"seq":15')
    assert any(MARK in line for line in everything)


async def test_the_stream_ends_when_the_labels_change(floor: Floor) -> None:
    console = floor.console
    console.service.watchers._look_seconds = 0.05
    async with console.as_("agent", {"agent_id": "1042"}) as client:
        me = (await client.get("/api/v1/auth/me")).json()
        (account,) = [
            row for row in await console.service.door.accounts.all() if row.name == me["name"]
        ]
        listening = asyncio.create_task(listen(client, None, "never"))
        await wait_until(lambda: len(console.service.hub._viewers) == 1)
        await console.service.door.accounts.change(account.id, None, {"agent_id": MARK})
        await listening
        seen = (await client.get("/api/v1/sessions")).json()["items"]
    assert [item["session_id"] for item in seen] == [f"call-{MARK}"]
