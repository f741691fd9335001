"""/v1/webhooks: who is told. A secret is shown once, in the answer that made it."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tonewatch.alerting.delivery.filters import Filter
from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.alerting.delivery.subscriptions import (
    Headers,
    Name,
    Rate,
    Secret,
    Subscription,
    Url,
    column_values,
)
from tonewatch.alerting.delivery.tables import BodyFormat, ReceiverRow, WebhookRow
from tonewatch.alerting.delivery.urls import shown
from tonewatch.shared.acting import acting_user
from tonewatch.shared.clock import iso_of, now_ms
from tonewatch.shared.logging import get_logger

DAY_SECONDS: Final = 86_400
MOST_KEPT_SECONDS: Final = 30 * DAY_SECONDS

By = Annotated[
    str | None, Field(max_length=128, description="Who does it, for the log; not checked")
]

log = get_logger(__name__)


class NewWebhook(Subscription):
    """A webhook to add."""

    secret: Secret | None = Field(
        default=None, description="whsec_...; generated and shown once if left out"
    )
    by: By = None


class WebhookChange(BaseModel):
    """What to change of a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    url: Url | None = None
    filter: Filter | None = None
    headers: Headers | None = Field(default=None, description="Take the place of all there were")
    rate_per_minute: Rate | None = Field(default=None, description="null lifts the limit")
    body_format: BodyFormat | None = None
    enabled: bool | None = None
    by: By = None


class Rotation(BaseModel):
    """A new secret."""

    model_config = ConfigDict(extra="forbid")

    secret: Secret | None = Field(default=None, description="Generated if left out")
    keep_old_seconds: int = Field(
        default=DAY_SECONDS,
        ge=0,
        le=MOST_KEPT_SECONDS,
        description="How long the old secret signs as well",
    )
    by: By = None


def webhooks_router(delivery: DeliveryStage) -> APIRouter:
    """The routes of the webhooks."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
    webhooks, outbox = delivery.webhooks, delivery.outbox

    shown_webhook = partial(_look, delivery)

    @router.get("")
    async def list_webhooks() -> dict[str, Any]:
        """All webhooks, without their secrets."""
        rows = await webhooks.list()
        return {"items": [await shown_webhook(row) for row in rows], "next_cursor": None}

    @router.post("", status_code=201)
    async def add_webhook(new: NewWebhook) -> dict[str, Any]:
        """Add a webhook; `secret` is in this answer only."""
        given = new.secret.get_secret_value() if new.secret else None
        row, secret = await webhooks.add(new.row_values(), given)
        log.info("a webhook was added", webhook=row.name, by=new.by or acting_user())
        return {**await shown_webhook(row), "secret": secret}

    @router.get("/{webhook_id}")
    async def show_webhook(webhook_id: str) -> dict[str, Any]:
        """One webhook, without its secrets."""
        return await shown_webhook(await webhooks.get(webhook_id))

    @router.patch("/{webhook_id}")
    async def change_webhook(webhook_id: str, change: WebhookChange) -> dict[str, Any]:
        """Change, enable or disable a webhook; what waits for one that is disabled is given up.

        `POST /v1/deliveries/recover` sends it once the webhook is enabled again.
        """
        row = await webhooks.change(webhook_id, _changed(change))
        if not row.enabled:
            await outbox.give_up(row.id, "the webhook is disabled: switched off")
        fields = sorted(change.model_fields_set - {"by"})
        log.info(
            "a webhook was changed", webhook=row.name, fields=fields, by=change.by or acting_user()
        )
        delivery.sender.wake()
        return await shown_webhook(row)

    @router.delete("/{webhook_id}", status_code=204)
    async def remove_webhook(webhook_id: str) -> Response:
        """Remove a webhook; what still waits for it is given up."""
        row = await webhooks.remove(webhook_id)
        await outbox.give_up(webhook_id, "the webhook was removed")
        log.info("a webhook was removed", webhook=row.name)
        return Response(status_code=204)

    _add_secrets_and_tests(router, delivery)
    return router


def _add_secrets_and_tests(router: APIRouter, delivery: DeliveryStage) -> None:
    @router.post("/{webhook_id}/rotate")
    async def rotate_secret(webhook_id: str, rotation: Rotation) -> dict[str, Any]:
        """Take a new secret into use, shown in this answer only; both sign for a while."""
        given = rotation.secret.get_secret_value() if rotation.secret else None
        row, secret = await delivery.webhooks.rotate(webhook_id, given, rotation.keep_old_seconds)
        log.info(
            "a webhook's secret was rotated", webhook=row.name, by=rotation.by or acting_user()
        )
        return {**await _look(delivery, row), "secret": secret}

    @router.post("/{webhook_id}/test")
    async def test_webhook(webhook_id: str) -> dict[str, Any]:
        """Send `test` now, once; the answer says how it went."""
        await delivery.webhooks.get(webhook_id)
        return await delivery.test(webhook_id)


async def _look(delivery: DeliveryStage, row: WebhookRow) -> dict[str, Any]:
    health = await delivery.log.health()
    return _shown(row, health.get(row.id), await delivery.outbox.waiting(row.id))


def _changed(change: WebhookChange) -> dict[str, Any]:
    given = {name: getattr(change, name) for name in change.model_fields_set - {"by"}}
    # null means something for the rate only
    values = column_values(
        {
            name: value
            for name, value in given.items()
            if value is not None or name == "rate_per_minute"
        }
    )
    if "enabled" in values:
        values["disabled_reason"] = "" if values["enabled"] else "switched off"
    return values


def _shown(row: WebhookRow, health: ReceiverRow | None, waiting: int) -> dict[str, Any]:
    old_is_live = row.old_secret is not None and row.old_secret_until_ms > now_ms()
    return {
        "id": row.id,
        "name": row.name,
        "url": shown(row.url),
        "declared": row.declared,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason or None,
        "filter": Filter.model_validate(row.filter).model_dump(mode="json"),
        "headers": dict.fromkeys(row.headers, "***"),
        "rate_per_minute": row.rate_per_minute,
        "body_format": row.body_format,
        "waiting": waiting,
        "failing_since": None if health is None else iso_of(health.failing_since_ms),
        "old_secret_until": None
        if not old_is_live or row.declared
        else iso_of(row.old_secret_until_ms),
        "created_at": iso_of(row.created_ms),
    }
