"""The requests of docs/alerts.md, sent in their order to the running service."""

import json
import re
from pathlib import Path

from tests.integration.alerting.conftest import Starting
from tests.support.forwarded import forwarded
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.streams import ALERTS

PAGE = Path(__file__).parents[4] / "docs/alerts.md"


async def test_every_request_is_accepted(broker: RedisBroker, alerting: Starting) -> None:
    requests = re.findall(r"```http\n(\w+) (\S+)\n\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(requests) == 5
    async with alerting() as client:
        await broker.publish([Outgoing(ALERTS, make_alert(alert_id="alert-1"))])

        async def is_known() -> bool:
            return (await client.get("/v1/alerts/alert-1")).is_success

        await wait_until(is_known)
        for method, address, body in requests:
            owner, path = forwarded(method, address)
            assert owner == "alerting"
            answer = await client.request(method, path, json=json.loads(body))
            assert answer.is_success, answer.text
        shown = (await client.get("/v1/alerts/alert-1")).json()
        assert (shown["verdict"], shown["assigned_to"]) == ("right", "wang")
        since = re.search(r"GET (/api/v1/rules/precision\S+?)`", PAGE.read_text())
        assert since is not None
        _, path = forwarded("GET", since[1])
        (figure,) = (await client.get(path)).json()["items"]
        assert figure["precision"] == 1.0
