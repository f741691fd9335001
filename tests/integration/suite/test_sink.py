import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tonewatch.shared.http import ASGITransport, AsyncClient, Response
from tonewatch.suite.demo.sink import LARGEST_BODY_BYTES, Sink, build_app

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"o" * 24).decode()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def client(told: list[str]) -> AsyncIterator[AsyncClient]:
    app = build_app(Sink(SECRET, told.append))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://sink") as made:
        yield made


def signed(
    body: str, *, secret: str = SECRET, webhook_id: str = "msg_1", age: timedelta = timedelta(0)
) -> dict[str, str]:
    at = datetime.now(UTC) - age
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }


def alert(**data: Any) -> str:
    content = {"alert_id": "a1", "rule": "angry", "priority": "high", **data}
    return json.dumps(
        {"type": "alert.firing", "timestamp": "2026-01-04T09:00:00Z", "data": content}
    )


async def deliver(client: AsyncClient, body: str, headers: dict[str, str]) -> Response:
    return await client.post("/alerts", content=body, headers=headers)


async def test_a_signed_webhook_is_kept_and_told_in_one_line(
    client: AsyncClient, told: list[str]
) -> None:
    body = alert(message="angry for 2 s")
    answer = await deliver(client, body, signed(body))
    assert answer.status_code == 200
    (item,) = (await client.get("/received")).json()["items"]
    assert item["id"] == "msg_1"
    assert item["type"] == "alert.firing"
    assert item["data"]["alert_id"] == "a1"
    assert datetime.fromisoformat(item["received_at"]).tzinfo is not None
    assert told == [
        "webhook alert.firing, signature verified, rule=angry, priority=high, message=angry for 2 s"
    ]


async def test_a_repeated_delivery_is_kept_once(client: AsyncClient) -> None:
    body = alert()
    for _ in range(3):
        assert (await deliver(client, body, signed(body))).status_code == 200
    assert len((await client.get("/received")).json()["items"]) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda h: h | signed(alert(), secret=OTHER_SECRET), id="another secret"),
        pytest.param(lambda h: h | {"webhook-id": "msg_2"}, id="another id"),
        pytest.param(lambda h: h | signed(alert(), age=timedelta(minutes=6)), id="too old"),
        pytest.param(lambda _: {}, id="no signature"),
        pytest.param(lambda h: h | {"webhook-signature": "nonsense"}, id="no version"),
        pytest.param(lambda h: h | {"webhook-signature": "v1,a"}, id="no base64"),
        pytest.param(lambda h: h | {"webhook-timestamp": "now"}, id="no time"),
    ],
)
async def test_a_webhook_that_is_not_signed_right_is_refused(
    client: AsyncClient, told: list[str], spoil: Any
) -> None:
    body = alert()
    answer = await deliver(client, body, spoil(signed(body)))
    assert answer.status_code == 401
    assert (await client.get("/received")).json() == {"items": [], "refused": 1}
    assert told[0].startswith("refused a webhook: ")


async def test_a_changed_body_is_refused(client: AsyncClient) -> None:
    headers = signed(alert())
    assert (await deliver(client, alert(rule="calm"), headers)).status_code == 401


@pytest.mark.parametrize("body", ["[]", "not json", '{"no": "type"}', '{"type": 3}'])
async def test_a_signed_body_of_another_form_is_refused(client: AsyncClient, body: str) -> None:
    assert (await deliver(client, body, signed(body))).status_code == 401


async def test_a_body_without_end_is_cut_off(client: AsyncClient) -> None:
    body = "x" * (LARGEST_BODY_BYTES + 1)
    assert (await deliver(client, body, signed(body))).status_code == 413
