"""The one module that imports httpx (frozen at 0.28): a switch to its successor starts here."""

import functools
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import httpx
from httpx import (
    ASGITransport,
    AsyncClient,
    HTTPError,
    Request,
    Response,
    TimeoutException,
)
from pydantic import SecretStr

from tonewatch.shared.egress import AddressPolicy, GuardedBackend
from tonewatch.shared.errors import ForbiddenAddressError

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

KEEP_ALIVE_SECONDS: Final = 30.0
MOST_ORIGINS: Final = 256
"""Origins to which a guarded client keeps free connections; the one unused longest gives way."""
MOST_FREE: Final = 16
"""Free connections to one origin."""

_Origin = tuple[str, str, int | None]


def create_client(
    *,
    base_url: str = "",
    timeout: timedelta = timedelta(seconds=10),
    token: SecretStr | None = None,
) -> AsyncClient:
    """A client for our own services: no proxy, no redirects; it shows the suite's own token."""
    return AsyncClient(
        base_url=base_url,
        timeout=_timeouts(timeout),
        headers=None if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"},
        verify=_trusted(),
        trust_env=False,
    )


def create_guarded_client(
    policy: AddressPolicy, *, timeout: timedelta, headers: Sequence[tuple[str, str]] = ()
) -> AsyncClient:
    """A client for addresses that users name: it connects to allowed addresses only.

    The check happens when the connection is made, on the very address that is connected to, so a
    name that resolves differently a second time (DNS rebinding) gains nothing. Redirects are not
    followed and environment proxies are ignored. Requests whose scheme or address is not allowed
    raise ForbiddenAddressError.
    """

    async def check_scheme(request: Request) -> None:
        if not policy.permits_scheme(request.url.scheme):
            raise ForbiddenAddressError(
                f"{request.url.scheme}:// is not allowed; an operator can change that"
            )

    return AsyncClient(
        transport=_LoneConnections(GuardedBackend(policy)),
        timeout=_timeouts(timeout),
        headers=list(headers),
        event_hooks={"request": [check_scheme]},
        follow_redirects=False,
        trust_env=False,
    )


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The authorities that certificates are checked against, read once: that takes 16 ms."""
    return httpx.create_ssl_context(trust_env=False)


class _LoneConnections(httpx.AsyncBaseTransport):
    """A free connection of the request's origin for each request, else a new one.

    httpx's own pool looks at all its connections for every request, twice: with many to origins
    that hang, requests to all the others become slow.
    """

    def __init__(self, backend: GuardedBackend) -> None:
        self._backend = backend
        self._free: OrderedDict[_Origin, list[httpx.AsyncHTTPTransport]] = OrderedDict()

    async def handle_async_request(self, request: httpx.Request) -> Response:
        origin = (request.url.scheme, request.url.host, request.url.port)
        free = self._free.get(origin)
        connection = free.pop() if free else self._connection()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise
        given_back = functools.partial(self._give_back, origin, connection)
        response.stream = _Returning(response.stream, given_back)
        return response

    async def aclose(self) -> None:
        for free in self._free.values():
            for connection in free:
                await connection.aclose()
        self._free.clear()

    async def _give_back(self, origin: _Origin, connection: httpx.AsyncHTTPTransport) -> None:
        free = self._free.setdefault(origin, [])
        self._free.move_to_end(origin)
        if len(free) >= MOST_FREE:
            await connection.aclose()
            return
        free.append(connection)
        if len(self._free) > MOST_ORIGINS:
            _, unused = self._free.popitem(last=False)
            for old in unused:
                await old.aclose()

    def _connection(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS)
        connection = httpx.AsyncHTTPTransport(verify=_trusted(), trust_env=False, limits=limits)
        # httpx offers no public way to pass a network backend to the pool it builds.
        connection._pool._network_backend = self._backend  # noqa: SLF001
        return connection


class _Returning(httpx.AsyncByteStream):
    """An answer's body; the connection is free again when it is closed."""

    def __init__(self, body: Any, given_back: Callable[[], Awaitable[None]]) -> None:
        self._body = body
        self._given_back = given_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()
        await self._given_back()


def _timeouts(total: timedelta) -> httpx.Timeout:
    seconds = total.total_seconds()
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT.total_seconds()))
