"""Erasure, legal holds and retention over HTTP."""

from typing import Any

from tests.integration.storage.conftest import MakeService
from tests.support.messages import make_score, make_session
from tests.support.running import running
from tests.support.stored import items
from tonewatch.shared.http import create_client
from tonewatch.storage.store import Store

PERSON = {"customer_id": "4711"}
ASKED = {"label": "customer_id:4711", "by": "dpo", "reason": "asked for it"}


async def test_a_hold_forbids_an_erasure_that_its_release_allows(make_service: MakeService) -> None:
    service = make_service(retention={"seconds_days": None, "sessions_days": None})
    async with running(service) as base, create_client(base_url=base) as client:
        await Store(service.database).write(
            items([make_session(labels=PERSON), make_score(0, labels=PERSON)])
        )
        held = await client.post(
            "/v1/holds", json={"session_id": "call-1", "by": "legal", "reason": "case 12"}
        )
        assert held.status_code == 201
        assert [hold["reason"] for hold in (await _get(client, "/v1/holds"))["items"]] == [
            "case 12"
        ]
        refused = await client.post("/v1/erasures", json=ASKED)
        assert refused.status_code == 409
        assert "legal hold keeps call-1" in refused.text
        released = await client.delete(f"/v1/holds/{held.json()['hold_id']}?by=legal")
        assert released.json()["released_by"] == "legal"
        assert (await _get(client, "/v1/holds"))["items"] == []
        receipt = (await client.post("/v1/erasures", json=ASKED)).json()
        assert (receipt["sessions"], receipt["removed"]["emotion_records"]) == (1, 1)
        (entry,) = (await _get(client, "/v1/erasures"))["items"]
        assert entry["erasure_id"] == receipt["erasure_id"]
        assert (entry["by"], entry["reason"]) == ("dpo", "asked for it")
        assert (await client.get("/v1/sessions/call-1")).status_code == 404
        kept = await _get(client, "/v1/retention")
        assert kept["settings"]["seconds_days"] is None
        assert kept["database_bytes"] > 0


async def test_what_cannot_be_understood_is_refused_with_a_sentence(
    make_service: MakeService,
) -> None:
    async with running(make_service()) as base, create_client(base_url=base) as client:
        no_label = await client.post("/v1/erasures", json=ASKED | {"label": "4711"})
        assert "name:value" in no_label.text
        both = {"session_id": "a", "label": "b:c", "by": "x", "reason": "y"}
        assert "either a session_id or a label" in (await client.post("/v1/holds", json=both)).text
        missing = await client.delete("/v1/holds/none?by=x")
        assert (no_label.status_code, missing.status_code) == (400, 404)


async def _get(client: Any, path: str) -> Any:
    return (await client.get(path)).json()
