"""https URLs as ffmpeg sees them: plain http, under a host name that only the guard understands.

ffmpeg speaks TLS through a proxy only if the pseudo-protocol `httpproxy` is allowed to it, and an
HLS playlist could then name `httpproxy://ANY-ADDRESS/...`, which no guard sees. So ffmpeg may speak
http only, the guard does the TLS, and every https URL that comes along (redirects, playlists) is
veiled: `https://host/x` becomes `http://host.tls.invalid:443/x`. Names under `invalid` resolve
nowhere, so a veiled URL that came past the guard would fail.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

MARK: Final = ".tls.invalid"
_IPV6_MARK: Final = f".ip6{MARK}"
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80

PLAYLIST: Final = b"#EXTM3U"
_ABSOLUTE: Final = re.compile(r"https://[^\s\"',]+", re.IGNORECASE)
_SCHEMELESS: Final = re.compile(r"(?m)(?:(?<=\")|^)(?=//[^/\s])")
_COOKIE_DOMAIN: Final = re.compile(r"(?i)(;\s*domain=)([^;\s]+)")


def veiled(url: str) -> str:
    """The URL for ffmpeg."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        return url
    try:
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
    except ValueError:
        return url  # no port that anybody could connect to
    userinfo, at, _ = parts.netloc.rpartition("@")
    if ":" in host:
        host = f"{ipaddress.IPv6Address(host.partition('%')[0]).packed.hex()}{_IPV6_MARK}"
    else:
        host += MARK
    return urlunsplit(("http", f"{userinfo}{at}{host}:{port}", *parts[2:]))


def unveiled(host: str) -> tuple[str, bool]:
    """The real host, and whether TLS is spoken to it."""
    name = host.lower()
    if name.endswith(_IPV6_MARK):
        packed = name.removesuffix(_IPV6_MARK)
        try:
            return str(ipaddress.IPv6Address(bytes.fromhex(packed))), True
        except ValueError:
            return host, True
    if name.endswith(MARK):
        return name.removesuffix(MARK), True
    return host, False


def veiled_location(location: str, *, tls: bool) -> str:
    """The target of a redirect, as ffmpeg may follow it."""
    if tls and location.startswith("//"):
        location = f"https:{location}"
    return veiled(location)


def veiled_playlist(text: str, *, tls: bool) -> str:
    """An HLS playlist in which ffmpeg may follow every URL; `tls` says how it was fetched."""
    if tls:
        text = _SCHEMELESS.sub("https:", text)
    return _ABSOLUTE.sub(lambda match: veiled(match.group()), text)


def veiled_cookie(cookie: str) -> str:
    """A cookie whose domain matches the veiled hosts."""
    return _COOKIE_DOMAIN.sub(rf"\1\2{MARK}", cookie)


def authority(host: str, port: int, *, tls: bool) -> str:
    """What the Host header says."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (HTTPS_PORT if tls else HTTP_PORT) else f"{shown}:{port}"
