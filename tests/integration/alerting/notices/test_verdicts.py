"""Storage learns every verdict, whatever was down meanwhile."""

import asyncio
import json

import httpx
import pytest
from sqlalchemy import select

from tests.integration.alerting.notices.databases import Replica
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.alerting.notices import verdicts
from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.alerting.notices.tables import AlertRow
from tonewatch.alerting.notices.verdicts import VerdictTeller
from tonewatch.shared.database import Database


class FakeStorage:
    """Takes verdicts, or answers otherwise for a while."""

    def __init__(self, *troubles: int) -> None:
        self.troubles = list(troubles)
        self.told: list[tuple[str, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.troubles:
            status = self.troubles.pop(0)
            if not status:
                raise httpx.ConnectError("refused")
            return httpx.Response(status)
        self.told.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={})


async def waiting(database: Database) -> list[str]:
    async with database.reading() as session:
        query = select(AlertRow.alert_id).where(AlertRow.verdict_waits)
        return list(await session.scalars(query))


async def until_nothing_waits(database: Database, storage: FakeStorage) -> None:
    """Tell this storage."""
    transport, stop = httpx.MockTransport(storage), asyncio.Event()
    async with httpx.AsyncClient(transport=transport, base_url="http://storage") as client:
        telling = asyncio.create_task(VerdictTeller(database, client).tell(stop))

        async def nothing_waits() -> bool:
            return not await waiting(database)

        await wait_until(nothing_waits)
        stop.set()
        await telling


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(verdicts, "AWAY_SECONDS", 0.01)


@pytest.mark.parametrize(
    "troubles", [(), (0, 503, 0), (404,), (401,)], ids=["well", "away", "not yet", "no token"]
)
async def test_a_verdict_is_told_until_storage_has_taken_it(
    replica: Replica, troubles: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "now_ms", lambda: replica.clock[0])
    await replica.step(make_alert())
    await replica.people.close("alert-1", "李", AlertVerdict.FALSE_ALARM, "只是大声")
    assert await waiting(replica.database) == ["alert-1"]
    storage = FakeStorage(*troubles)
    await until_nothing_waits(replica.database, storage)
    body = {"by": "李", "verdict": "false_alarm", "comment": "只是大声"}
    assert storage.told == [("/v1/alerts/alert-1/verdict", body)]


async def test_storage_that_has_deleted_the_alert_is_not_asked_for_ever(replica: Replica) -> None:
    """The clock of the teller is now, long after that of the alert."""
    await replica.step(make_alert())
    await replica.people.close("alert-1", "李", AlertVerdict.RIGHT)
    storage = FakeStorage(404)
    await until_nothing_waits(replica.database, storage)
    assert not storage.told
