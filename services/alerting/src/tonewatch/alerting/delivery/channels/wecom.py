"""WeCom (企业微信) group robots.

https://developer.work.weixin.qq.com/document/path/91770: 20 messages a minute, a text of at most
2,048 bytes; the key in the URL is the only secret.
"""

from collections.abc import Sequence
from typing import Any, Final

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.channels.options import WeComOptions
from tonewatch.alerting.delivery.channels.robots import Answers, tell_robot
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import fitting

MOST_BYTES: Final = 2048
ANSWERS: Final = Answers("errcode", "errmsg", {45009: 60.0})


class WeComSender:
    """Tells one robot."""

    def __init__(self, options: WeComOptions, poster: Poster) -> None:
        self._options = options
        self._poster = poster

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Send one text."""
        options = self._options
        text = fitting(deliveries, options.language, MOST_BYTES)
        url = options.url.get_secret_value()
        return await tell_robot(self._poster, url, message(text, options.mention), ANSWERS)


def message(text: str, mention: Sequence[str] = ()) -> dict[str, Any]:
    """The body of a text that mentions people by their mobile numbers."""
    mobiles = ["@all" if number == "all" else number for number in mention]
    return {"msgtype": "text", "text": {"content": text, "mentioned_mobile_list": mobiles}}
