r"""DingTalk (钉钉) custom robots.

https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages: 20 messages a minute,
then ten minutes of nothing; the signature is HMAC-SHA256 of "milliseconds\nsecret" by the secret.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote_plus

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.options import DingTalkOptions
from tonewatch.alerting.delivery.channels.robots import Answers, tell_robot
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import fitting

MOST_BYTES: Final = 16_000
"""Of the text; the body may have 20,000."""

THROTTLED_SECONDS: Final = 600.0
ANSWERS: Final = Answers(
    "errcode", "errmsg", {130101: THROTTLED_SECONDS, 410100: THROTTLED_SECONDS}
)


class DingTalkSender:
    """Tells one robot."""

    def __init__(self, options: DingTalkOptions, poster: Poster) -> None:
        self._options = options
        self._poster = poster

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Send one text."""
        options = self._options
        url = options.url.get_secret_value()
        if options.secret is not None:
            url = signed_url(url, options.secret.get_secret_value(), round(time.time() * 1000))
        text = fitting(deliveries, options.language, MOST_BYTES)
        return await tell_robot(self._poster, url, message(text, options.mention), ANSWERS)


def message(text: str, mention: Sequence[str] = ()) -> dict[str, Any]:
    """The body of a text that mentions people by their mobile numbers."""
    return {
        "msgtype": "text",
        "text": {"content": text},
        "at": {
            "atMobiles": [number for number in mention if number != "all"],
            "isAtAll": "all" in mention,
        },
    }


def signed_url(url: str, secret: str, now_ms: int) -> str:
    """The robot's URL with time and signature."""
    digest = hmac.new(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256).digest()
    sign = quote_plus(base64.b64encode(digest))
    return f"{url}&timestamp={now_ms}&sign={sign}"
