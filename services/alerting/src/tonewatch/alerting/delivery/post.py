"""A POST to somebody else's server: to allowed addresses only, bounded in time and size."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tonewatch.alerting.delivery.attempt import MAX_RESPONSE, Attempt
from tonewatch.alerting.delivery.schedule import parse_retry_after
from tonewatch.shared.clock import utc_now
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import HTTPError, Response, create_guarded_client
from tonewatch.shared.logging import scrub

HEADERS: Final = (
    ("content-type", "application/json; charset=utf-8"),
    ("user-agent", "Tonewatch/0.1"),
    ("accept-encoding", "identity"),
)
GONE: Final = 410
HTTP_ERRORS: Final = 400
SHOWN: Final = ("content-type", "user-agent", "webhook-id", "webhook-timestamp")
"""Headers whose values the delivery log shows; of the others it shows that they were sent."""

SHORTEST_SECRET: Final = 8
"""What is shorter is found in any text."""


class Poster:
    """Posts JSON, with one pool of connections for all receivers."""

    def __init__(self, policy: AddressPolicy, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = create_guarded_client(
            policy, timeout=timedelta(seconds=timeout_seconds), headers=HEADERS
        )

    async def post(self, url: str, body: str, headers: Mapping[str, str] | None = None) -> Attempt:
        """POST once; 2xx is success. Never raises for what the receiver or the network does."""
        started = time.perf_counter()
        sent = headers or {}
        try:
            # httpx bounds each read; a receiver that drips bytes would never end
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(url, body, sent, started)
        except TimeoutError:
            error = f"no answer within {self._timeout_seconds:g} s"
        except HTTPError as failure:
            error = f"{type(failure).__name__}: {failure}".rstrip(": ")
        except (TonewatchError, ValueError, OSError) as failure:
            error = str(failure)
        return Attempt(
            delivered=False,
            latency_ms=elapsed_ms(started),
            error=error,
            request_headers=_shown_headers(sent),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(
        self, url: str, body: str, headers: Mapping[str, str], started: float
    ) -> Attempt:
        async with self._client.stream(
            "POST", url, content=body.encode(), headers=headers
        ) as response:
            answer = veiled(await _beginning(response), url, headers)[:MAX_RESPONSE]
            status = response.status_code
            return Attempt(
                delivered=response.is_success,
                latency_ms=elapsed_ms(started),
                status=status,
                response=answer,
                error="" if response.is_success else f"answered {status}",
                retry_after_seconds=parse_retry_after(
                    response.headers.get("retry-after"), utc_now()
                ),
                gone=status == GONE,
                request_headers=_shown_headers(headers),
            )


def elapsed_ms(started: float) -> int:
    """Milliseconds since a reading of `time.perf_counter`."""
    return round((time.perf_counter() - started) * 1000)


def _shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    sent = {**dict(HEADERS), **headers}
    return {name: value if name in SHOWN else "***" for name, value in sent.items()}


def veiled(answer: str, url: str, headers: Mapping[str, str]) -> str:
    """An answer without the secrets of its request: some receivers repeat what they were sent."""
    hidden = [value for name, value in headers.items() if name not in SHOWN]
    parts = urlsplit(url)
    values = (value for _, value in parse_qsl(parts.query))
    words = {word for text in (*hidden, *values) for word in (text, *text.split())}
    # the last part of a path is a robot's token, or a name that says nothing
    words |= {parts.query, parts.path.rpartition("/")[2]}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_SECRET:
            answer = answer.replace(word, "***")
    return scrub(answer)


async def _beginning(response: Response) -> str:
    """The first bytes of the answer; the rest is not read."""
    # more than is kept: a secret that is cut in two would not be recognised
    most = 2 * MAX_RESPONSE
    received = b""
    async for chunk in response.aiter_raw(most):
        received += chunk
        if len(received) >= most:
            break
    return received[:most].decode(errors="replace").replace("\x00", "")
