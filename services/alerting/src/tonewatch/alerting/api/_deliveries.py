"""/v1/deliveries: what was sent to whom, how it went, and once more please."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tonewatch.alerting.delivery.outbox import Filters, Outbox
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.schedule import ATTEMPTS
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.shown import shown_delivery
from tonewatch.alerting.delivery.tables import TEST_STATE, DeliveryState
from tonewatch.alerting.rules import Channel
from tonewatch.shared.errors import ConflictError


def deliveries_router(outbox: Outbox, webhooks: Webhooks, sender: Sender) -> APIRouter:
    """The routes of the delivery log."""
    router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

    @router.get("")
    async def list_deliveries(
        alert_id: str | None = None,
        state: DeliveryState | None = None,
        channel: Channel | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Deliveries, newest first."""
        rows = await outbox.list(
            Filters(
                alert_id=alert_id,
                state=state,
                channel=channel,
                before_id=cursor,
                limit=limit + 1,
            )
        )
        page = rows[:limit]
        more = page[-1].id if len(rows) > limit else None
        return {"items": [shown_delivery(row) for row in page], "next_cursor": more}

    @router.get("/{delivery_id}")
    async def show_delivery(delivery_id: str) -> dict[str, Any]:
        """One delivery with its payload and every attempt."""
        return shown_delivery(*await outbox.get(delivery_id))

    @router.post("/{delivery_id}/resend", status_code=202)
    async def resend(delivery_id: str) -> dict[str, Any]:
        """Send it again, with the same `webhook-id` and a fresh series of attempts."""
        row, _ = await outbox.get(delivery_id)
        if row.channel == Channel.WEBHOOK and not (await webhooks.get(row.receiver)).enabled:
            raise ConflictError(f'webhook "{row.receiver_name}" is disabled; add it anew')
        allowed = 1 if row.alert_state == TEST_STATE else ATTEMPTS
        again = await outbox.send_again(delivery_id, allowed)
        sender.wake()
        return shown_delivery(again)

    return router
