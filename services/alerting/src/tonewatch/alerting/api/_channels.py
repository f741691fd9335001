"""/v1/channels: the channels that the settings declare, and a test of each."""

from typing import Any

from fastapi import APIRouter

from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.shared.clock import iso_of
from tonewatch.shared.errors import NotFoundError


def channels_router(delivery: DeliveryStage) -> APIRouter:
    """The routes of the channels."""
    router = APIRouter(prefix="/v1/channels", tags=["channels"])

    @router.get("")
    async def list_channels() -> dict[str, Any]:
        """The names that rules may use beside `webhook`, and how each fares."""
        health = await delivery.log.health()
        items = []
        for name, receiver in delivery.receivers.channels().items():
            row = health.get(name)
            items.append(
                {
                    "name": name,
                    "type": receiver.channel,
                    "rate_per_minute": None if receiver.pace is None else receiver.pace.per_minute,
                    "waiting": await delivery.outbox.waiting(name),
                    "failing_since": None if row is None else iso_of(row.failing_since_ms),
                }
            )
        return {"items": items, "next_cursor": None}

    @router.post("/{name}/test")
    async def test_channel(name: str) -> dict[str, Any]:
        """Send a test message now, once; the answer says how it went."""
        if name not in delivery.receivers.channels():
            raise NotFoundError(f"the settings declare no channel {name}")
        return await delivery.test(name)

    return router
