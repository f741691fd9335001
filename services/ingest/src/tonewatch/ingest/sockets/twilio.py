"""Twilio Media Streams: JSON messages with mu-law in base64, a track for each side of a call.

Twilio strips the query from a stream's URL, so the key and the labels come as custom parameters.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sockets.mulaw import decode_mulaw
from tonewatch.ingest.sockets.parsing import Incoming, parse
from tonewatch.ingest.sockets.timeline import Timeline
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

RATE_HZ: Final = 8000
CHANNELS: Final = {"inbound": 0, "outbound": 1}
"""Inbound is the voice of the caller that Twilio hears, so it takes the left channel's place."""
IGNORED: Final = frozenset({"connected", "mark", "dtmf"})
LATEST_MS: Final = 2**53

TrackName = Literal["inbound", "outbound"]


class _Format(Incoming):
    """How the audio is coded."""

    encoding: Literal["audio/x-mulaw"]
    sample_rate: Annotated[Literal[8000], Field(alias="sampleRate")]
    channels: Literal[1]


class _Start(Incoming):
    """What a `start` message says of the stream."""

    tracks: Annotated[list[TrackName], Field(min_length=1, max_length=2)]
    media_format: Annotated[_Format, Field(alias="mediaFormat")]
    call_sid: Annotated[str, Field(alias="callSid")] = ""
    parameters: Annotated[
        dict[str, str], Field(alias="customParameters", default_factory=dict, repr=False)
    ]


class _Media(Incoming):
    """A piece of audio of one track."""

    track: TrackName
    timestamp: Annotated[int, Field(ge=0, le=LATEST_MS)]
    payload: Annotated[str, Field(repr=False)]


class _Message(Incoming):
    """Any message."""

    event: str
    start: _Start | None = None
    media: _Media | None = None


class TwilioDecoder:
    """Decodes one connection."""

    def __init__(self) -> None:
        self._tracks: frozenset[str] = frozenset()
        self._timeline: Timeline | None = None

    def feed(self, message: bytes | str) -> Iterator[Event]:
        """The events of the next message."""
        if isinstance(message, bytes):
            raise InvalidInputError("Twilio sends text messages only; this one is binary")
        said = parse(_Message, message, "message")
        if said.event == "media" and said.media is not None:
            yield from self._hear(said.media)
        elif said.event == "start" and said.start is not None:
            yield self._start(said.start)
        elif said.event == "stop":
            yield Ended(self._farewell())
        elif said.event not in IGNORED:
            raise InvalidInputError(
                "message.event: must be connected, start, media, mark, dtmf or stop, with the part"
                " of that name"
            )

    def _start(self, start: _Start) -> Started:
        if self._timeline is not None:
            raise InvalidInputError("a second start message")
        self._tracks = frozenset(start.tracks)
        heard = tuple(sorted(CHANNELS[track] for track in self._tracks))
        self._timeline = Timeline(RATE_HZ, heard)
        return Started(
            channels=len(CHANNELS),
            key=start.parameters.get("key"),
            labels={"call_sid": start.call_sid, **start.parameters},
            usual_layout=Layout.LEFT_CUSTOMER,
            heard=heard,
        )

    def _hear(self, media: _Media) -> Iterator[Audio]:
        if self._timeline is None:
            raise InvalidInputError("media came before the start message")
        if media.track not in self._tracks:
            raise InvalidInputError(f"media.track: the start message did not name {media.track}")
        try:
            coded = base64.b64decode(media.payload, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInputError("media.payload: not base64") from None
        pcm = decode_mulaw(coded)
        for channel, piece in self._timeline.place(CHANNELS[media.track], media.timestamp, pcm):
            yield Audio(piece, RATE_HZ, channel)

    def _farewell(self) -> str:
        late_ms = 0 if self._timeline is None else self._timeline.late_ms
        missing = f"; {late_ms} ms of audio came too late" if late_ms else ""
        return f"Twilio ended the stream{missing}"
