"""Which addresses Tonewatch may connect to on a user's behalf (webhooks, mail, pulled URLs).

By default public addresses only. Private ones are allowed by network; link-local addresses (which
hold the cloud metadata services), multicast and unspecified ones never are.

Every check happens when a connection is made, on the very address that is connected to, so that a
name that resolves differently a second time (DNS rebinding) gains nothing:

- `GuardedBackend` for httpx (see `tonewatch.shared.http.create_guarded_client`),
- `connect` for protocols that take an open socket,
- `guarded_thread` for libraries that open their own connections in a thread.
"""

import asyncio
import errno
import ipaddress
import re
import socket
import sys
import threading
import typing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpcore
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HIGHEST_PORT: typing.Final = 65535


def _ports(text: str) -> str:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2] or match[1]) <= HIGHEST_PORT:
        raise ValueError("a port, such as 443, or a range of them, such as 1024-65535")
    return text


PortRange = typing.Annotated[str, BeforeValidator(str), AfterValidator(_ports)]


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

    def permits_port(self, port: int) -> bool:  # noqa: ARG002 - for policies that limit ports
        """Whether a service at this port may be connected to."""
        return True

    def permits_scheme(self, scheme: str) -> bool:
        """Whether a URL of this scheme may be requested."""
        return scheme in {"http", "https"}

    def check_endpoint(self, host: str, port: int, addresses: Iterable[Address]) -> Address:
        """The first permitted address of a service.

        Raises:
            ForbiddenAddressError: there is none, or its port is not allowed.
        """
        if not self.permits_port(port):
            raise ForbiddenAddressError(
                f"port {port} of {host} is not allowed; an operator can add it to the allowed ports"
            )
        return self.check(host, addresses)

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


class EgressPolicy(AddressPolicy):
    """What may be connected to, by address, port and scheme."""

    ports: tuple[PortRange, ...] = Field(
        default=("80", "443", "1024-65535"), description="Ports and ranges of ports"
    )
    https_only: bool = Field(default=False, description="Whether plain http is refused")

    def permits_port(self, port: int) -> bool:
        """Whether a service at this port may be connected to."""
        ranges = [text.partition("-") for text in self.ports]
        return any(int(first) <= port <= int(last or first) for first, _, last in ranges)

    def permits_scheme(self, scheme: str) -> bool:
        """Whether a URL of this scheme may be requested."""
        return scheme == "https" or (scheme == "http" and not self.https_only)


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


async def connect(policy: AddressPolicy, host: str, port: int) -> socket.socket:
    """A TCP connection to the first permitted address of a host, for protocols of their own.

    Raises:
        InvalidInputError: the name does not resolve.
        ForbiddenAddressError: address or port are not allowed.
        OSError: nobody answers there.
    """
    address = policy.check_endpoint(host, port, await resolve(host, port))
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (str(address), port))
    except BaseException:
        opened.close()
        raise
    return opened


_watched = threading.local()
_watching = threading.Lock()
_is_watching = False


@contextmanager
def guarded_thread(policy: AddressPolicy) -> Iterator[list[str]]:
    """Let this thread connect to permitted addresses only, whatever library does it.

    An audit hook of the interpreter (PEP 578) sees each connection with the address that it goes
    to; it does nothing for other threads. What is not permitted raises PermissionError there, which
    libraries take for a failed connection. Not seen are connections that native code opens by
    itself, and those of threads that the guarded one starts; starting a process is refused.

    Yields:
        Why something was refused, if anything was; grows while the block runs.
    """
    _watch()
    refused: list[str] = []
    _watched.guard = (policy, refused)
    try:
        yield refused
    finally:
        del _watched.guard


def _watch() -> None:
    global _is_watching  # noqa: PLW0603 - an audit hook stays for good: one for the process
    with _watching:
        if not _is_watching:
            sys.addaudithook(_audit)
            _is_watching = True


def _audit(event: str, arguments: tuple[typing.Any, ...]) -> None:
    guard: tuple[AddressPolicy, list[str]] | None = getattr(_watched, "guard", None)
    if guard is None:
        return
    policy, refused = guard
    try:
        _check_event(policy, event, arguments)
    except ForbiddenAddressError as error:
        refused.append(error.message)
        raise PermissionError(errno.EACCES, error.message) from error


def _check_event(policy: AddressPolicy, event: str, arguments: tuple[typing.Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        _check_target(policy, arguments[0], arguments[-1])
    elif event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"}:
        raise ForbiddenAddressError(f"{event} is not allowed to a guarded library")


def _check_target(policy: AddressPolicy, opened: socket.socket, target: typing.Any) -> None:
    if opened.family not in {socket.AF_INET, socket.AF_INET6}:
        raise ForbiddenAddressError(f"{target!r} is not an allowed address")
    if target is None:
        return  # a socket that is connected already
    host, port = str(target[0]), int(target[1])
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError as error:
        raise ForbiddenAddressError(f"{host} was not resolved before the connection") from error
    policy.check_endpoint(host, port, [address])


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
            address = self._policy.check_endpoint(host, port, await resolve(host, port))
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
