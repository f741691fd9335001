"""A source: a configured origin of audio."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from tonewatch.ingest.media.command import PROTOCOLS
from tonewatch.shared.errors import InvalidInputError

UPLOAD_SOURCE_ID: Final = "upload"
"""All uploaded recordings are sessions of this one source."""

_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")


class SourceKind(StrEnum):
    """How the audio comes."""

    PULL = "pull"
    RTMP = "rtmp"
    UPLOAD = "upload"


class Origin(StrEnum):
    """Who added the source; what the sources file declares can be changed only there."""

    API = "api"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as it is kept.

    `finished` says how a pulled recording ended; such a source is not pulled again, also not after
    a restart.
    """

    id: str
    name: str
    kind: SourceKind
    created_at: datetime
    url: str | None = None
    key_hash: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    origin: Origin = Origin.API
    finished: str | None = None


def checked_url(url: str) -> str:
    """The URL, if ingest can pull such a thing.

    Raises:
        InvalidInputError: it has another scheme, no host, or characters that no URL has.
    """
    if _UNPRINTABLE.search(url):
        raise InvalidInputError("url: it contains spaces or control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidInputError(f"url: {error}") from error
    if parts.scheme.lower() not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise InvalidInputError(f"url: it must begin with one of {known} and ://")
    if not parts.hostname:
        raise InvalidInputError("url: it names no host")
    return url
