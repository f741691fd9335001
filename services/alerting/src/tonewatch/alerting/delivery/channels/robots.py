"""What the robots of group chats have in common: one POST, and an answer that must be read.

They answer errors with HTTP 200, so that only the code in the body tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tonewatch.alerting.delivery.attempt import Attempt
from tonewatch.alerting.delivery.post import Poster


@dataclass(frozen=True, slots=True)
class Answers:
    """How a maker's robots answer.

    Attributes:
        code: name of the field that is 0 on success.
        text: name of the field that explains.
        busy: codes of too many messages, with the seconds to wait.
    """

    code: str
    text: str
    busy: Mapping[int, float]


async def tell_robot(
    poster: Poster, url: str, message: Mapping[str, Any], answers: Answers
) -> Attempt:
    """POST a message to a robot and read what it says to that."""
    body = json.dumps(message, ensure_ascii=False)
    attempt = await poster.post(url, body)
    return judged(replace(attempt, request_body=unsigned(message)), answers)


def judged(attempt: Attempt, answers: Answers) -> Attempt:
    """The attempt, failed if the robot's answer says so."""
    if not attempt.delivered:
        return attempt
    try:
        answer = json.loads(attempt.response)
        code, text = answer.get(answers.code), str(answer.get(answers.text, ""))
    except (ValueError, AttributeError):
        return replace(attempt, delivered=False, error="the answer is not the robot's JSON")
    if code == 0:
        return attempt
    wait = answers.busy.get(code) if isinstance(code, int) else None
    return replace(
        attempt,
        delivered=False,
        error=f"{answers.code} {code}: {text}",
        retry_after_seconds=wait or attempt.retry_after_seconds,
    )


_SECRET: Final = ("sign", "timestamp")


def unsigned(message: Mapping[str, Any]) -> str:
    """The message for the delivery log, without its signature."""
    shown = {name: value for name, value in message.items() if name not in _SECRET}
    return json.dumps(shown, ensure_ascii=False)
