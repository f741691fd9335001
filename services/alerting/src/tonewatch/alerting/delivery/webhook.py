"""The channel webhook: a signed POST for a subscription."""

from collections.abc import Sequence
from dataclasses import replace

from tonewatch.alerting.delivery.alertmanager import alertmanager_body
from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.signing import signed_headers
from tonewatch.alerting.delivery.tables import BodyFormat, DeliveryRow, WebhookRow
from tonewatch.shared.clock import now_ms, utc_now


class WebhookSender:
    """Sends to one subscription, as it stood when the receivers were last looked up."""

    def __init__(self, poster: Poster, webhook: WebhookRow) -> None:
        self._poster = poster
        self._webhook = webhook

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """POST one delivery's body; webhooks are never joined."""
        (delivery,) = deliveries
        webhook = self._webhook
        if not webhook.enabled:
            error = f"the webhook is disabled: {webhook.disabled_reason}"
            return Attempt(delivered=False, error=error, gone=True)
        is_other = webhook.body_format == BodyFormat.ALERTMANAGER
        body = alertmanager_body(delivery.payload, webhook.name) if is_other else delivery.payload
        signed = signed_headers(live_secrets(webhook), delivery.message_id, utc_now(), body)
        attempt = await self._poster.post(webhook.url, body, {**webhook.headers, **signed})
        if not is_other:
            return attempt
        return replace(attempt, request_body=body)


def live_secrets(webhook: WebhookRow) -> tuple[str, ...]:
    """The secrets that receivers may check with now, the newest first."""
    if webhook.old_secret is None or webhook.old_secret_until_ms <= now_ms():
        return (webhook.secret,)
    return (webhook.secret, webhook.old_secret)
