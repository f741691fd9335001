"""/v1/webhooks: who is told. A secret is shown once, in the answer that made it."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tonewatch.alerting.delivery.clock import iso_of, now_ms
from tonewatch.alerting.delivery.dispatcher import delivery_values
from tonewatch.alerting.delivery.outbox import LEASE_MS, Outbox
from tonewatch.alerting.delivery.payload import test_body
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.shown import shown_delivery
from tonewatch.alerting.delivery.tables import TEST_STATE, WebhookRow
from tonewatch.alerting.delivery.urls import shown
from tonewatch.alerting.rules import Channel
from tonewatch.shared.ids import new_id


class NewWebhook(BaseModel):
    """A webhook to add."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, description="Unique among the webhooks")
    url: str = Field(max_length=2048, description="http:// or https://")
    secret: SecretStr | None = Field(
        default=None, description="whsec_...; generated and shown once if left out"
    )


def webhooks_router(webhooks: Webhooks, outbox: Outbox, sender: Sender) -> APIRouter:
    """The routes of the webhooks."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    @router.get("")
    async def list_webhooks() -> dict[str, Any]:
        """All webhooks, without their secrets."""
        return {"items": [_shown(row) for row in await webhooks.list()], "next_cursor": None}

    @router.post("", status_code=201)
    async def add_webhook(new: NewWebhook) -> dict[str, Any]:
        """Add a webhook; `secret` is in this answer only."""
        given = new.secret.get_secret_value() if new.secret else None
        row, secret = await webhooks.add(new.name, new.url, given)
        return {**_shown(row), "secret": secret}

    @router.delete("/{webhook_id}", status_code=204)
    async def remove_webhook(webhook_id: str) -> Response:
        """Remove a webhook; what still waits for it is given up."""
        await webhooks.remove(webhook_id)
        await outbox.give_up(webhook_id, "the webhook was removed")
        return Response(status_code=204)

    @router.post("/{webhook_id}/test")
    async def test_webhook(webhook_id: str) -> dict[str, Any]:
        """Send `webhook.test` now, once; the answer says how it went."""
        row = await webhooks.get(webhook_id)
        values = delivery_values(
            alert_id=f"test-{new_id()}",
            alert_state=TEST_STATE,
            receiver=row.id,
            attempts_allowed=1,
            rule="",
            session_id="",
            channel=Channel.WEBHOOK.value,
            receiver_name=row.name,
            payload=test_body(row.id, row.name),
        )
        # leased from the start: the sender's loop must not send it too
        lease = {"leased_by": outbox.owner, "leased_until_ms": now_ms() + LEASE_MS}
        await outbox.add([values | lease])
        await sender.attempt((await outbox.get(values["id"]))[0])
        return shown_delivery(*await outbox.get(values["id"]))

    return router


def _shown(row: WebhookRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "url": shown(row.url),
        "declared": row.declared,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason or None,
        "created_at": iso_of(row.created_ms),
    }
