"""A console before a real alerting service, as the pages of alerts, rules and webhooks need it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from tests.browser.site import Site, opened_site
from tests.conftest import PARTITIONS
from tests.support.fake_suite import FakeSuite
from tests.support.messages import make_alert
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import AlertState
from tonewatch.shared.streams import ALERTS

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'


@dataclass
class Desk:
    """The console in a browser, the alerting service behind it, and its stream."""

    site: Site
    client: AsyncClient
    broker: RedisBroker
    folder: Path

    async def open(self, path: str, *, person: str = "li", **options: Any) -> Page:
        """A page of an admin of this name."""
        return await self.site.open(path, who=await self.site.person(person), **options)

    async def fire(
        self, alert_id: str, state: AlertState = AlertState.FIRING, **changes: Any
    ) -> None:
        """Publish an alert's transition as it is decided now."""
        now = utc_now()
        moments = {"at": now, "decided_at": now, "started_at": now - timedelta(seconds=2)}
        session = {"session_id": f"call-{alert_id}", "source_id": f"source-{alert_id}"}
        alert = make_alert(state, alert_id=alert_id, **{**session, **moments, **changes})
        await self.broker.publish([Outgoing(ALERTS, alert)])

    async def alert(self, alert_id: str) -> dict[str, Any]:
        """An alert as the service has it."""
        answer = await self.client.get(f"/v1/alerts/{alert_id}")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def wait_for(self, *alert_ids: str) -> None:
        """Until the ledger holds these alerts."""

        async def held() -> bool:
            items = (await self.client.get("/v1/alerts")).json()["items"]
            return {item["alert_id"] for item in items} >= set(alert_ids)

        await wait_until(held)


@asynccontextmanager
async def opened_desk(
    suite: FakeSuite, broker: RedisBroker, browser: Browser, folder: Path, **further: Any
) -> AsyncIterator[Desk]:
    """Everything started, on free ports of loopback; further options are alerting's."""
    (folder / "rules.yaml").write_text(
        'rules:\n  - {name: "angry", emotion: angry, threshold: 0.75, duration_sec: 2}\n'
    )
    options = {
        "port": 0,
        "egress": {"allow": ["127.0.0.0/8"]},
        "storage_url": suite.urls["storage"],
        "rules_file": folder / "rules.yaml",
        "notices": {"group_wait_seconds": 0.1},
        **further,
    }
    settings = AlertingSettings.model_validate(
        {"partitions": PARTITIONS, "data_dir": folder, "alerting": options}
    )
    async with (
        running(AlertingService(settings, broker)) as alerting,
        create_client(base_url=alerting) as client,
    ):
        suite.urls["alerting"] = alerting
        async with opened_site(suite, broker, browser, folder) as site:
            yield Desk(site, client, broker, folder)
            for context in browser.contexts:
                await context.close()
