"""What decoders make of what comes in over a socket, whatever the protocol.

A decoder is pure: it gets messages (or, over TCP, any piece of the stream) and gives events. It
knows nothing of sources, sessions or time. What breaks the protocol is an InvalidInputError, whose
message the sender gets to read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tonewatch.ingest.sources import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The sender said who it is and what it will send."""

    channels: int = 1
    key: str | None = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All that it said; the source permits some of them."""
    layout: Layout | None = None
    """Who speaks on which channel, as the sender has it."""
    usual_layout: Layout = Layout.MIXED
    """The same by the protocol, where neither the sender nor the source says it."""
    heard: tuple[int, ...] = (0, 1)
    """The channels, counted from 0, on which audio will come."""


@dataclass(frozen=True, slots=True)
class Audio:
    """The next s16le PCM: of one channel, or of all of them, interleaved."""

    pcm: bytes
    rate_hz: int
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The sender said that it is done."""

    reason: str


Event = Started | Audio | Ended


class Decoder(Protocol):
    """One connection's way from messages to events."""

    def feed(self, message: bytes | str) -> Iterator[Event]:
        """The events of the next message; a text message is a `str`.

        Raises:
            InvalidInputError: the protocol does not allow this message, here or at all.
        """
        ...
