"""What a pulled URL may look like; where it may lead is the guard's business.

`file:NAME` is a recording in the folder that the operator set.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from tonewatch.ingest.guard import checked_name
from tonewatch.shared.errors import ForbiddenAddressError, InvalidInputError

PullProtocol = Literal["http", "https", "rtmp", "rtmps", "rtsp", "srt", "file"]
PULL_PROTOCOLS: Final[tuple[PullProtocol, ...]] = get_args(PullProtocol)

_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_SRT_OPTIONS: Final = frozenset(
    # the others would open a port of this machine, or send it somewhere else
    {"streamid", "passphrase", "pbkeylen", "latency", "rcvlatency", "peerlatency", "mode"}
)


@dataclass(frozen=True, slots=True)
class PullRules:
    """What the operator lets users pull."""

    protocols: Collection[str] = PULL_PROTOCOLS
    recordings: bool = True
    """Whether there is a folder that `file:` can speak of."""

    def check(self, scheme: str) -> None:
        """Refuse what is unknown or not allowed.

        Raises:
            InvalidInputError: it says what is allowed instead.
        """
        if scheme not in PULL_PROTOCOLS:
            known = ", ".join(self.protocols)
            raise InvalidInputError(f"url: it must begin with one of {known} and ://")
        if scheme not in self.protocols:
            allowed = ", ".join(self.protocols) or "nothing"
            raise InvalidInputError(
                f"url: {scheme} is not among the allowed protocols ({allowed}); an operator can "
                "add it to ingest.pull_protocols"
            )
        if scheme == "file" and not self.recordings:
            raise InvalidInputError(
                "url: file: needs a folder of recordings; an operator can set ingest.recordings_dir"
            )


def checked_url(url: str, rules: PullRules | None = None) -> str:
    """The URL, if ingest can and may pull such a thing.

    Raises:
        InvalidInputError: it has another scheme, no host, or characters that no URL has.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInputError(f"url: {error}") from error
    scheme = parts.scheme.lower()
    (rules or PullRules()).check(scheme)
    if scheme == "file":
        return f"file:{_recording(url)}"
    if _UNPRINTABLE.search(url):
        raise InvalidInputError("url: it contains spaces or control characters")
    if not parts.hostname:
        raise InvalidInputError("url: it names no host")
    if scheme == "srt":
        _check_srt(parts, port)
    return url


def _recording(url: str) -> str:
    try:
        return str(checked_name(url.partition(":")[2]))
    except ForbiddenAddressError as error:
        raise InvalidInputError(f"url: {error.message}") from error


def _check_srt(parts: SplitResult, port: int | None) -> None:
    if port is None:
        raise InvalidInputError("url: an srt URL needs a port")
    for option in filter(None, parts.query.split("&")):
        name, _, value = option.partition("=")
        if name not in _SRT_OPTIONS:
            known = ", ".join(sorted(_SRT_OPTIONS))
            raise InvalidInputError(f"url: srt option {name} is not allowed; known are {known}")
        if name == "mode" and value != "caller":
            raise InvalidInputError("url: ingest only calls (mode=caller), it does not listen")
