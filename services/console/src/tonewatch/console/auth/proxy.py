"""Reverse proxies before the console: they are believed by the address they connect from.

A trusted one tells from where a request really comes and whether it came over TLS; if it signs
people in itself, also who asks. Nobody else can say any of this.
"""

import ipaddress
from collections.abc import Collection
from typing import Final

from pydantic import IPvAnyNetwork
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from tonewatch.console.auth.mapping import Voucher, guest_of
from tonewatch.console.auth.permissions import ROLES
from tonewatch.console.auth.principal import Principal
from tonewatch.console.outside import ProxyOptions
from tonewatch.shared.errors import ForbiddenError

PEER: Final = "tonewatch.peer"
"""Key of the scope: the address that the connection itself comes from."""


class TrustedProxy:
    """ASGI middleware: takes over address and scheme that a trusted proxy tells."""

    def __init__(self, app: ASGIApp, options: ProxyOptions) -> None:
        self._app = app
        self._trusted = options.trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            scope[PEER] = peer = _address(scope)
            if is_trusted(peer, self._trusted):
                self._take_over(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _take_over(self, scope: Scope, headers: Headers) -> None:
        if (scheme := headers.get("x-forwarded-proto", "").strip()) in {"http", "https"}:
            scope["scheme"] = scheme
        # each proxy appends whom it heard from: what stands left of the first stranger may be a lie
        hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",")]
        strangers = (hop for hop in reversed(hops) if hop and not is_trusted(hop, self._trusted))
        if stranger := next(strangers, None):
            scope["client"] = (stranger, 0)


class ProxyAuth:
    """Knows people by what a trusted proxy says of them."""

    def __init__(self, options: ProxyOptions) -> None:
        self._options = options
        named = {options.user_header, options.groups_header, *options.label_headers.values()}
        self._ours = sorted(name for name in named if name)

    async def __call__(self, connection: HTTPConnection) -> Principal | None:
        """Who sent a request, as the gate asks it."""
        peer = connection.scope.get(PEER) or _address(connection.scope)
        return self.identify(connection.headers, peer)

    def identify(self, headers: Headers, peer: str) -> Principal | None:
        """Who asks; None if no proxy says so, as for programs with a key.

        Raises:
            ForbiddenError: somebody else says what only a proxy may say, it is said twice, or
                whoever is named has no role here.
        """
        said = [name for name in self._ours if name in headers]
        if not said:
            return None
        if not is_trusted(peer, self._options.trusted):
            raise ForbiddenError(
                f"{peer or 'this peer'} must not send {', '.join(said)}; only the proxies that "
                "the setting console.proxy_auth.trusted names are believed"
            )
        user = _only(headers, self._options.user_header)
        if not user:
            return None
        groups = _only(headers, self._options.groups_header).split(",")
        labels = {
            label: _only(headers, name) for label, name in self._options.label_headers.items()
        }
        guest = guest_of(
            Voucher(user, [group.strip() for group in groups], labels),
            self._options,
            self._options.label_headers,
            "proxy",
        )
        return Principal(guest.name, guest.role, ROLES[guest.role], "proxy", guest.labels)


def is_trusted(peer: str, networks: Collection[IPvAnyNetwork]) -> bool:
    """Whether an address lies in one of the networks."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # a socket for both families names IPv4 peers ::ffff:192.0.2.1
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _only(headers: Headers, name: str | None) -> str:
    # a second header of this name would be one that the proxy did not take away
    values = headers.getlist(name) if name else []
    if len(values) > 1:
        raise ForbiddenError(f"the header {name} was sent more than once")
    return _text(values[0]).strip() if values else ""


def _text(value: str) -> str:
    """Headers are bytes, read as Latin-1; proxies write names in UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
