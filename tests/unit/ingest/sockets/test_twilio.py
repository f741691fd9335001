"""The decoder of Twilio Media Streams."""

import base64
import json
from typing import Any

import pytest

from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sockets.mulaw import decode_mulaw
from tonewatch.ingest.sockets.twilio import TwilioDecoder
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
CODED = bytes(range(160))


def start(**fields: Any) -> dict[str, Any]:
    parts = {"tracks": ["inbound", "outbound"], "mediaFormat": FORMAT, "callSid": "CA1",
             "customParameters": {"key": "secret", "queue": "7"}, **fields}  # fmt: skip
    return {"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": parts}


def media(**fields: Any) -> dict[str, Any]:
    parts = {"track": "inbound", "chunk": "1", "timestamp": "0",
             "payload": base64.b64encode(CODED).decode(), **fields}  # fmt: skip
    return {"event": "media", "sequenceNumber": "2", "streamSid": "MZ1", "media": parts}


def events(*messages: dict[str, Any]) -> list[Event]:
    decoder = TwilioDecoder()
    return [event for message in messages for event in decoder.feed(json.dumps(message))]


def test_a_call_from_its_first_to_its_last_message() -> None:
    connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    mark = {"event": "mark", "streamSid": "MZ1", "mark": {"name": "x"}}
    dtmf = {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "1"}}
    outbound = media(track="outbound", timestamp="5")
    stop = {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}
    made = events(connected, start(), mark, media(), dtmf, outbound, stop)
    assert made == [
        Started(
            channels=2,
            key="secret",
            labels={"key": "secret", "queue": "7", "call_sid": "CA1"},
            usual_layout=Layout.LEFT_CUSTOMER,
            heard=(0, 1),
        ),
        Audio(decode_mulaw(CODED), 8000, 0),
        Audio(decode_mulaw(CODED), 8000, 1),
        Ended("Twilio ended the stream"),
    ]


def test_a_stream_of_one_track_says_so() -> None:
    (started,) = events(start(tracks=["outbound"]))
    assert isinstance(started, Started)
    assert started.heard == (1,)


def test_audio_that_came_too_late_is_told_at_the_end() -> None:
    ahead = [media(timestamp=str(at_ms)) for at_ms in range(0, 5000, 20)]
    *_, ended = events(start(), *ahead, media(track="outbound"), {"event": "stop"})
    assert ended == Ended("Twilio ended the stream; 20 ms of audio came too late")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([media()], "before the start"),
        ([start(), start()], "second start"),
        ([start(tracks=["both"])], "start.tracks"),
        ([start(tracks=[])], "start.tracks"),
        ([start(mediaFormat={**FORMAT, "encoding": "audio/opus"})], "start.mediaFormat.encoding"),
        ([start(tracks=["inbound"]), media(track="outbound")], "did not name outbound"),
        ([start(), media(payload="%%%")], "media.payload: not base64"),
        ([start(), media(timestamp="-1")], "media.timestamp"),
        ([start(), media(timestamp="9" * 5000)], "media.timestamp"),
        ([start(), media(), media(timestamp="99000000")], "jumps"),
        ([{"event": "media"}], "message.event"),
        ([{"event": "hello"}], "message.event"),
        ([{}], "message.event"),
    ],
)
def test_what_is_not_twilio_is_refused(messages: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        events(*messages)
    assert words in caught.value.message
    assert "secret" not in caught.value.message


def test_binary_messages_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="binary"):
        list(TwilioDecoder().feed(b"\0"))
