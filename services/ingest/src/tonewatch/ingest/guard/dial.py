"""The only place that connects to pulled URLs: resolve once, check, connect to just that.

The address that was checked is the address that is connected to, so a name server that answers
differently the second time changes nothing.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tonewatch.shared.egress import Address, AddressPolicy, resolve
from tonewatch.shared.errors import ForbiddenAddressError, TonewatchError, UnavailableError

CONNECT_SECONDS: Final = 10.0

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Dialer:
    """Connects for one attempt, and remembers what went wrong.

    `refusal` stays: an address that is not allowed will not become so. `problem` is what kept the
    last connection from coming about.
    """

    policy: AddressPolicy
    tls: ssl.SSLContext
    resolver: Resolver = resolve
    first_host: str = ""
    refusal: ForbiddenAddressError | None = field(default=None, init=False)
    problem: TonewatchError | None = field(default=None, init=False)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The permitted addresses of a host, at least one.

        Raises:
            TonewatchError: it does not resolve, in time or at all, or to no permitted address.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await self.resolver(host, port)
            self.policy.check(host, found)
        except TimeoutError as error:
            self.problem = UnavailableError(f"{host} does not resolve in time")
            raise self.problem from error
        except ForbiddenAddressError as error:
            elsewhere = self.first_host not in ("", host)
            said = f"the stream leads to {error.message}" if elsewhere else error.message
            self.problem = self.refusal = ForbiddenAddressError(said)
            raise self.refusal from error
        except TonewatchError as error:
            self.problem = error
            raise
        return [address for address in found if self.policy.permits(address)]

    async def connect(self, host: str, port: int, *, tls: bool = False) -> Streams:
        """Connect to the first permitted address of a host that answers.

        Raises:
            TonewatchError: see `problem`.
        """
        for address in await self.addresses(host, port):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    streams = await asyncio.open_connection(
                        str(address),
                        port,
                        ssl=self.tls if tls else None,
                        server_hostname=host if tls else None,
                    )
            except (OSError, TimeoutError) as error:
                self.problem = UnavailableError(_why(host, error))
                continue
            self.problem = None
            return streams
        assert self.problem is not None  # noqa: S101 - there was at least one address
        raise self.problem


def _why(host: str, error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} cannot be verified: {error.verify_message}"
        case ssl.SSLError():
            return f"{host} does not speak TLS as expected: {error.reason}"
        case ConnectionRefusedError():
            return "connection refused: nothing listens there"
        case TimeoutError():
            return f"{host} does not answer"
        case _:
            return f"{host} cannot be reached: {getattr(error, 'strerror', None) or error}"
