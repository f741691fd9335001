"""The channel webhook: a signed POST, to allowed addresses only, bounded in time and size."""

import asyncio
import time
from datetime import timedelta
from typing import Final

from tonewatch.alerting.delivery.attempt import MAX_RESPONSE, Attempt
from tonewatch.alerting.delivery.schedule import parse_retry_after
from tonewatch.alerting.delivery.signing import signed_headers
from tonewatch.alerting.delivery.tables import DeliveryRow, WebhookRow
from tonewatch.shared.clock import utc_now
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import HTTPError, Response, create_guarded_client

HEADERS: Final = (
    ("content-type", "application/json; charset=utf-8"),
    ("user-agent", "Tonewatch/0.1"),
    ("accept-encoding", "identity"),
)
GONE: Final = 410


class WebhookSender:
    """Sends webhooks, with one connection pool for all receivers."""

    def __init__(self, policy: AddressPolicy, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = create_guarded_client(
            policy, timeout=timedelta(seconds=timeout_seconds), headers=HEADERS
        )

    async def send(self, delivery: DeliveryRow, webhook: WebhookRow | None) -> Attempt:
        """POST the delivery's payload once."""
        if webhook is None:
            return Attempt(delivered=False, error="the webhook no longer exists", gone=True)
        started = time.perf_counter()
        try:
            # httpx bounds each read; a receiver that drips bytes would never end
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(delivery, webhook, started)
        except TimeoutError:
            error = f"no answer within {self._timeout_seconds:g} s"
        except HTTPError as failure:
            error = f"{type(failure).__name__}: {failure}".rstrip(": ")
        except (TonewatchError, ValueError, OSError) as failure:
            error = str(failure)
        return Attempt(delivered=False, latency_ms=_elapsed_ms(started), error=error)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, delivery: DeliveryRow, webhook: WebhookRow, started: float) -> Attempt:
        now = utc_now()
        headers = signed_headers(webhook.secret, delivery.message_id, now, delivery.payload)
        async with self._client.stream(
            "POST", webhook.url, content=delivery.payload.encode(), headers=headers
        ) as response:
            answer = await _beginning(response)
            delivered = response.is_success
            return Attempt(
                delivered=delivered,
                latency_ms=_elapsed_ms(started),
                status=response.status_code,
                response=answer,
                error="" if delivered else f"answered {response.status_code}",
                retry_after_seconds=parse_retry_after(response.headers.get("retry-after"), now),
                gone=response.status_code == GONE,
            )


async def _beginning(response: Response) -> str:
    """The first bytes of the answer; the rest is not read."""
    received = b""
    async for chunk in response.aiter_raw(MAX_RESPONSE):
        received += chunk
        if len(received) >= MAX_RESPONSE:
            break
    return received[:MAX_RESPONSE].decode(errors="replace").replace("\x00", "")


def _elapsed_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
