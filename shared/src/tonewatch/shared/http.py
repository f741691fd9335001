"""The one module that imports httpx (frozen at 0.28): a switch to its successor starts here."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import httpx
from httpx import (
    ASGITransport,
    AsyncClient,
    HTTPError,
    Response,
    TimeoutException,
)

from tonewatch.shared.egress import AddressPolicy, GuardedBackend

__all__ = [
    "ASGITransport",
    "AsyncClient",
    "HTTPError",
    "Response",
    "TimeoutException",
    "create_client",
    "create_guarded_client",
]

CONNECT_TIMEOUT: Final = timedelta(seconds=5)


def create_client(*, base_url: str = "", timeout: timedelta = timedelta(seconds=10)) -> AsyncClient:
    """A client for our own services: no proxy, no redirects."""
    return AsyncClient(base_url=base_url, timeout=_timeouts(timeout), trust_env=False)


def create_guarded_client(
    policy: AddressPolicy, *, timeout: timedelta, headers: Sequence[tuple[str, str]] = ()
) -> AsyncClient:
    """A client for addresses that users name: it connects to allowed addresses only.

    The check happens when the connection is made, on the very address that is connected to, so a
    name that resolves differently a second time (DNS rebinding) gains nothing. Redirects are not
    followed and environment proxies are ignored.
    """
    transport = httpx.AsyncHTTPTransport(trust_env=False)
    # httpx offers no public way to pass a network backend to the pool it builds.
    transport._pool._network_backend = GuardedBackend(policy)  # noqa: SLF001
    return AsyncClient(
        transport=transport,
        timeout=_timeouts(timeout),
        headers=list(headers),
        follow_redirects=False,
        trust_env=False,
    )


def _timeouts(total: timedelta) -> httpx.Timeout:
    seconds = total.total_seconds()
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT.total_seconds()))
