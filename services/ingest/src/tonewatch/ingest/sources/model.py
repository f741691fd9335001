"""A source: a configured origin of audio."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tonewatch.ingest.sources.voices import Voices
from tonewatch.shared.errors import InvalidInputError

UPLOAD_SOURCE_ID: Final = "upload"
"""All uploaded recordings are sessions of this one source."""


class SourceKind(StrEnum):
    """How the audio comes."""

    PULL = "pull"
    RTMP = "rtmp"
    WEBSOCKET = "websocket"
    AUDIOSOCKET = "audiosocket"
    UPLOAD = "upload"


KEYED: Final = frozenset({SourceKind.RTMP, SourceKind.WEBSOCKET, SourceKind.AUDIOSOCKET})
"""Kinds whose audio comes to us, from whoever has the source's key."""


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
    voices: Voices = field(default_factory=Voices)
    permitted_labels: tuple[str, ...] = ()
    """Labels that who sends the audio may set, call by call."""
    origin: Origin = Origin.API
    finished: str | None = None


def check_voices(kind: SourceKind, voices: Voices) -> None:
    """Refuse voices that cannot be told apart in audio of this kind, or leave nothing.

    Raises:
        InvalidInputError: what is wanted cannot be had.
    """
    voices.check()
    if kind is SourceKind.AUDIOSOCKET and len(voices.channels) > 1:
        raise InvalidInputError("channels: AudioSocket carries one channel, so it must be mixed")
