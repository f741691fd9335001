"""How ffmpeg gets to a source: an address it may use, and what it needs beside it.

Whatever the scheme, ffmpeg itself connects to loopback only, where the guard listens; the guard
resolves, checks and connects. SRT runs over UDP and is the exception: ffmpeg gets the checked
address instead of the name.
"""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from tonewatch.ingest.guard.dial import Dialer, Resolver
from tonewatch.ingest.guard.listener import LOOPBACK
from tonewatch.ingest.guard.proxy import Proxy
from tonewatch.ingest.guard.recordings import opened
from tonewatch.ingest.guard.relay import relaying
from tonewatch.ingest.guard.veil import veiled
from tonewatch.shared.egress import AddressPolicy, resolve
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError, TonewatchError

DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "http": 80,
    "https": 443,
    "rtmp": 1935,
    "rtmps": 443,
    "rtsp": 554,
}


@dataclass(frozen=True, slots=True)
class Way:
    """What ffmpeg is started with."""

    scheme: str
    """Of the source's URL; decides what ffmpeg may open."""
    url: str
    """As ffmpeg gets it."""
    options: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[int, ...] = ()
    dialer: Dialer | None = None

    @property
    def refusal(self) -> ForbiddenAddressError | None:
        """The address on the way that was not allowed."""
        return self.dialer.refusal if self.dialer else None

    @property
    def problem(self) -> TonewatchError | None:
        """Why the last connection did not come about."""
        return self.dialer.problem if self.dialer else None


def direct(url: str) -> Way:
    """The way to an address of the operator's own, which no guard need look at."""
    return Way(urlsplit(url).scheme.lower(), url)


class Guard:
    """Opens the ways to pulled URLs."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        verify_tls: bool = True,
        recordings_dir: Path | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._policy = policy
        self._recordings_dir = recordings_dir
        self._resolver = resolver
        self._tls = ssl.create_default_context()
        if not verify_tls:
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE

    async def knock(self, url: str) -> None:
        """See whether somebody answers at a URL's address, where that can be seen from outside.

        Raises:
            TonewatchError: nobody does, or it may not be asked.
        """
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
        if scheme not in DEFAULT_PORTS:
            return
        dialer = Dialer(self._policy, self._tls, self._resolver)
        _, writer = await dialer.connect(host, parts.port or DEFAULT_PORTS[scheme])
        writer.close()

    @asynccontextmanager
    async def way(self, url: str) -> AsyncIterator[Way]:
        """The way to a URL that `checked_url` has let pass; it is open until the block is left.

        Raises:
            TonewatchError: it is known before ffmpeg starts that there is no way.
        """
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
        url = f"{scheme}:{url.partition(':')[2]}"  # ffmpeg knows schemes in lower case only
        dialer = Dialer(self._policy, self._tls, self._resolver, first_host=host)
        match scheme:
            case "file":
                with opened(self._recordings_dir, url.partition(":")[2]) as number:
                    yield Way(scheme, f"file:/dev/fd/{number}", files=(number,))
            case "srt":
                yield Way(scheme, await _pinned(parts, dialer), dialer=dialer)
            case "rtmp" | "rtsp":
                port = parts.port or DEFAULT_PORTS[scheme]
                async with relaying(dialer, host, port, rtsp=scheme == "rtsp") as own_port:
                    here = _with_host(parts, LOOPBACK, own_port)
                    options = _tcurl(parts) if scheme == "rtmp" else {}
                    yield Way(scheme, here, options, dialer=dialer)
            case _:
                tunnel = (host, parts.port or DEFAULT_PORTS[scheme]) if scheme == "rtmps" else None
                async with Proxy(dialer, tunnel).running() as proxy_url:
                    environment = {"http_proxy": proxy_url}
                    yield Way(scheme, veiled(url), environment=environment, dialer=dialer)


async def _pinned(parts: SplitResult, dialer: Dialer) -> str:
    """An srt URL with the checked address, that calls and does not listen."""
    if parts.port is None:
        raise InvalidInputError("url: an srt URL needs a port")
    address = (await dialer.addresses(parts.hostname or "", parts.port))[0]
    # ffmpeg does not decode every option, so they stay as they were written
    options = [each for each in parts.query.split("&") if each and not each.startswith("mode=")]
    query = "&".join([*options, "mode=caller"])
    return _with_host(parts._replace(query=query), str(address), parts.port)


def _with_host(parts: SplitResult, host: str, port: int) -> str:
    userinfo, at, _ = parts.netloc.rpartition("@")
    shown = f"[{host}]" if _is_ipv6(host) else host
    return urlunsplit(parts._replace(netloc=f"{userinfo}{at}{shown}:{port}"))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the number is the name
    except ValueError:
        return False


def _tcurl(parts: SplitResult) -> dict[str, str]:
    """The name by which a server with virtual hosts knows the application that is asked for.

    ffmpeg would say loopback. What the application is, it finds as here.
    """
    if "slist=" in parts.query:
        return {}
    first, _, rest = parts.path.lstrip("/").partition("/")
    second, slash, _ = rest.partition("/")
    app = f"{first}/{second}" if slash and ":" not in second and first != "ondemand" else first
    netloc = parts.netloc.rpartition("@")[2]
    return {"rtmp_tcurl": f"{parts.scheme.lower()}://{netloc}/{app}"}
