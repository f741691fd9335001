"""Slack's incoming webhooks, and what imitates them (Mattermost, Rocket.Chat).

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: about one message a
second; errors come as 4xx with a word, too many messages as 429 with Retry-After.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.options import SlackOptions
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import fitting

MOST_BYTES: Final = 4000
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackSender:
    """Tells one channel."""

    def __init__(self, options: SlackOptions, poster: Poster) -> None:
        self._options = options
        self._poster = poster

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Send one text."""
        text = fitting(deliveries, self._options.language, MOST_BYTES)
        body = json.dumps({"text": escaped(text)}, ensure_ascii=False)
        attempt = await self._poster.post(self._options.url.get_secret_value(), body)
        return replace(attempt, request_body=body)


def escaped(text: str) -> str:
    """The text with Slack's three control characters escaped: no mentions, no links."""
    return text.translate(_ESCAPES)
