"""The generic protocol: a JSON hello, then PCM in binary messages, then a JSON end."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import ConfigDict, Field

from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sockets.parsing import Incoming, parse
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

MOST_LABELS: Final = 32


class Hello(Incoming):
    """What a sender says first; a misspelt field is an error, for this protocol is ours."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    type: Literal["hello"]
    rate_hz: Literal[8000, 16000, 48000]
    channels: Literal[1, 2] = 1
    layout: Layout | None = None
    key: str | None = Field(default=None, repr=False)
    labels: dict[str, str] = Field(default_factory=dict, max_length=MOST_LABELS)


class _End(Incoming):
    """What a sender says last."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    type: Literal["end"]


class PcmDecoder:
    """Decodes one connection."""

    def __init__(self) -> None:
        self._hello: Hello | None = None

    def feed(self, message: bytes | str) -> Iterator[Event]:
        """The events of the next message; binary messages may be cut anywhere."""
        if self._hello is None:
            yield self._start(message)
        elif isinstance(message, bytes):
            yield Audio(message, self._hello.rate_hz)
        else:
            parse(_End, message, "message")
            yield Ended("the sender ended the stream")

    def _start(self, message: bytes | str) -> Started:
        if isinstance(message, bytes):
            raise InvalidInputError("the first message must be the hello, as JSON text")
        hello = self._hello = parse(Hello, message, "hello")
        return Started(
            channels=hello.channels, key=hello.key, labels=hello.labels, layout=hello.layout
        )
