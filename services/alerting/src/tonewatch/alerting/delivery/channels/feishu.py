r"""Feishu (飞书) and Lark custom bots.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: 100 messages a minute and 5 a
second, bodies of at most 20 KB; the signature is HMAC-SHA256 of nothing by "seconds\nsecret".
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any, Final

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.options import FeishuOptions
from tonewatch.alerting.delivery.channels.robots import Answers, tell_robot
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import fitting

MOST_BYTES: Final = 16_000
ANSWERS: Final = Answers("code", "msg", {11232: 60.0, 99991400: 60.0})


class FeishuSender:
    """Tells one bot."""

    def __init__(self, options: FeishuOptions, poster: Poster) -> None:
        self._options = options
        self._poster = poster

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Send one post."""
        options = self._options
        text = fitting(deliveries, options.language, MOST_BYTES)
        body = message(text)
        if options.secret is not None:
            secret, now = options.secret.get_secret_value(), int(time.time())
            body = {"timestamp": str(now), "sign": signature(secret, now), **body}
        return await tell_robot(self._poster, options.url.get_secret_value(), body, ANSWERS)


def message(text: str) -> dict[str, Any]:
    """The body of a post: a title, and lines of plain text.

    Not `msg_type: text`, where `<at user_id="all">` in a caller's label would mention everybody.
    """
    title, _, rest = text.partition("\n")
    lines = [[{"tag": "text", "text": line}] for line in rest.split("\n")]
    return {"msg_type": "post", "content": {"post": {"zh_cn": {"title": title, "content": lines}}}}


def signature(secret: str, now_seconds: int) -> str:
    """The signature that goes beside the time."""
    key = f"{now_seconds}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
