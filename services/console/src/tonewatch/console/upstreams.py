"""The other services as the console sees them: who owns what, and whether each is ready."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import SecretStr

from tonewatch.console.settings import ConsoleOptions
from tonewatch.shared.http import AsyncClient, HTTPError, TimeoutException, create_client
from tonewatch.shared.runtime import Health

Upstream = Literal["ingest", "inference", "alerting", "storage"]

READY_TIMEOUT: Final = timedelta(seconds=2)
READY_CACHE_SECONDS: Final = 2.0
"""Twenty open pages must not ask every service twenty times."""


class Upstreams:
    """HTTP clients of the services; one for requests, one that waits longer for uploads.

    They show the suite's own token, whatever the person or program behind the request has shown.
    """

    def __init__(self, options: ConsoleOptions, token: SecretStr | None = None) -> None:
        self._urls: Mapping[Upstream, str] = {
            "ingest": options.ingest_url,
            "inference": options.inference_url,
            "alerting": options.alerting_url,
            "storage": options.storage_url,
        }
        self.requests = create_client(
            timeout=timedelta(seconds=options.upstream_seconds), token=token
        )
        self.uploads = create_client(timeout=timedelta(seconds=options.upload_seconds), token=token)
        self._probes = create_client(timeout=READY_TIMEOUT)
        self._lock = asyncio.Lock()
        self._ready: tuple[float, Sequence[dict[str, Any]]] = (-READY_CACHE_SECONDS, ())

    def url(self, upstream: Upstream, path: str) -> str:
        """The address of a path (which begins with a slash) of a service."""
        return self._urls[upstream].rstrip("/") + path

    async def readiness(self, own: Health) -> Sequence[dict[str, Any]]:
        """What each service, the console first, says of itself; asked at most every two seconds."""
        async with self._lock:
            asked_at, answer = self._ready
            if time.monotonic() - asked_at >= READY_CACHE_SECONDS:
                answer = await self._ask_all(own)
                self._ready = (time.monotonic(), answer)
            return answer

    async def close(self) -> None:
        """Release the connections."""
        for client in (self.requests, self.uploads, self._probes):
            await client.aclose()

    async def _ask_all(self, own: Health) -> Sequence[dict[str, Any]]:
        console, *others = await asyncio.gather(
            _ask_console(own), *(_ask(self._probes, name, url) for name, url in self._urls.items())
        )
        return [console, *others]


async def _ask_console(own: Health) -> dict[str, Any]:
    checks = await own.run()
    return {
        "service": "console",
        "state": "ready" if all(check.ok for check in checks.values()) else "not_ready",
        "checks": {name: check.model_dump() for name, check in checks.items()},
        "detail": None,
    }


async def _ask(client: AsyncClient, service: str, url: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"service": service, "state": "down", "checks": {}, "detail": None}
    try:
        response = await client.get(f"{url.rstrip('/')}/ready")
        body = response.json()
        checks = {str(name): dict(check) for name, check in body.get("checks", {}).items()}
    except HTTPError as error:
        return answer | {"detail": describe(error)}
    except (ValueError, TypeError, AttributeError):
        return answer | {"detail": "answers, but not as a Tonewatch service does"}
    return answer | {"state": "ready" if response.is_success else "not_ready", "checks": checks}


def describe(error: HTTPError) -> str:
    """Why a service could not be asked, in a few words."""
    if isinstance(error, TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
