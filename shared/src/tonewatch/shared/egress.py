"""Which addresses Tonewatch may connect to on a user's behalf (webhooks, pulled URLs).

By default public addresses only. Private ones are allowed by network; link-local addresses (which
hold the cloud metadata services), multicast and unspecified ones never are.
"""

import asyncio
import ipaddress
import socket
import typing
from collections.abc import Iterable

import httpcore
from pydantic import BaseModel, ConfigDict, Field

from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressPolicy(BaseModel):
    """What may be connected to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: tuple[Network, ...] = Field(
        default=(), description="Networks beside the public ones, such as 10.2.0.0/16"
    )

    def permits(self, address: Address) -> bool:
        """Whether the address may be connected to."""
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            address = mapped
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        if any(address.version == net.version and address in net for net in self.allow):
            return True
        return address.is_global

    def check(self, host: str, addresses: Iterable[Address]) -> Address:
        """The first permitted address.

        Raises:
            ForbiddenAddressError: there is none.
        """
        found = list(addresses)
        for address in found:
            if self.permits(address):
                return address
        shown = ", ".join(map(str, found)) or "no address"
        raise ForbiddenAddressError(
            f"{host} ({shown}) is not an allowed address; an operator can add its network to the "
            f"allowed networks"
        )


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host, off the event loop.

    Raises:
        InvalidInputError: the name does not resolve.
    """
    loop = asyncio.get_running_loop()
    try:
        rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidInputError(f"{host} does not resolve: {error.strerror or error}") from error
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """A network backend for httpcore that resolves, checks, and connects to what it checked."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: typing.Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first permitted address of the host."""
        try:
            address = self._policy.check(host, await resolve(host, port))
        except InvalidInputError as error:
            raise httpcore.ConnectError(error.message) from error
        return await self._backend.connect_tcp(
            str(address), port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: typing.Iterable[typing.Any] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        """Never: users name hosts, not sockets of this machine."""
        raise ForbiddenAddressError(f"unix socket {path} is not an allowed address")

    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's retries."""
        await self._backend.sleep(seconds)
