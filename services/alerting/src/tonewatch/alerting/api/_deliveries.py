"""/v1/deliveries: what was sent to whom, how it went, and once more please."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tonewatch.alerting.delivery.log import Filters
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.receivers import WEBHOOK
from tonewatch.alerting.delivery.shown import shown_delivery
from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.alerting.delivery.tables import DeliveryState
from tonewatch.shared.clock import ms_of
from tonewatch.shared.errors import ConflictError


class DeliveryQuery(BaseModel):
    """What a list of deliveries is narrowed to."""

    model_config = ConfigDict(extra="forbid")

    alert_id: str | None = None
    state: DeliveryState | None = None
    channel: str | None = Field(default=None, description="A type, such as webhook or dingtalk")
    receiver: str | None = Field(default=None, description="Id of a webhook, or name of a channel")
    rule: str | None = None
    session_id: str | None = None
    event_type: EventType | None = None
    since: AwareDatetime | None = Field(default=None, description="Created then or later")
    until: AwareDatetime | None = Field(default=None, description="Created before then")
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = None


class Recovery(BaseModel):
    """What to send again of what was given up."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="Given up then or later")
    receiver: str | None = Field(default=None, description="For this receiver only")


def deliveries_router(delivery: DeliveryStage) -> APIRouter:
    """The routes of the delivery log."""
    router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

    @router.get("")
    async def list_deliveries(query: Annotated[DeliveryQuery, Query()]) -> dict[str, Any]:
        """Deliveries, newest first."""
        rows = await delivery.log.list(_filters(query))
        page = rows[: query.limit]
        more = page[-1].id if len(rows) > query.limit else None
        return {"items": [shown_delivery(row) for row in page], "next_cursor": more}

    @router.get("/{delivery_id}")
    async def show_delivery(delivery_id: str) -> dict[str, Any]:
        """One delivery with its payload and every attempt."""
        return shown_delivery(*await delivery.log.get(delivery_id))

    @router.post("/{delivery_id}/resend", status_code=202)
    async def resend(delivery_id: str) -> dict[str, Any]:
        """Send it again, with the same `webhook-id` and a fresh series of attempts."""
        row, _ = await delivery.log.get(delivery_id)
        if row.channel == WEBHOOK and not (await delivery.webhooks.get(row.receiver)).enabled:
            raise ConflictError(f'webhook "{row.receiver_name}" is disabled; enable it first')
        again = await delivery.log.send_again(row)
        delivery.sender.wake()
        return shown_delivery(again)

    @router.post("/recover", status_code=202)
    async def recover(recovery: Recovery) -> dict[str, Any]:
        """Send again whatever failed or expired since a time; tests are left out."""
        since_ms = ms_of(recovery.since)
        count = await delivery.log.recover(since_ms, recovery.receiver)
        delivery.sender.wake()
        return {"deliveries": count}

    return router


def _filters(query: DeliveryQuery) -> Filters:
    return Filters(
        **query.model_dump(exclude={"since", "until", "limit", "cursor"}),
        since_ms=None if query.since is None else ms_of(query.since),
        until_ms=None if query.until is None else ms_of(query.until),
        before_id=query.cursor,
        limit=query.limit + 1,
    )
