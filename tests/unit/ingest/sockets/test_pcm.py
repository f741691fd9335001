"""The generic protocol's decoder."""

import json
from typing import Any

import pytest

from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sockets.pcm import PcmDecoder
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

HELLO = {"type": "hello", "key": "secret", "rate_hz": 8000}


def events(*messages: bytes | dict[str, Any]) -> list[Event]:
    decoder = PcmDecoder()
    return [
        event
        for message in messages
        for event in decoder.feed(message if isinstance(message, bytes) else json.dumps(message))
    ]


def test_hello_audio_end() -> None:
    full = {**HELLO, "channels": 2, "layout": "left=agent,right=customer", "labels": {"q": "7"}}
    started, audio, ended = events(full, b"\1\2\3", {"type": "end"})
    assert started == Started(channels=2, key="secret", labels={"q": "7"}, layout=Layout.LEFT_AGENT)
    assert audio == Audio(b"\1\2\3", 8000)
    assert ended == Ended("the sender ended the stream")
    assert "secret" not in repr(started)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({**HELLO, "rate_hz": 44_100}, "hello.rate_hz: Input should be 8000, 16000 or 48000"),
        ({**HELLO, "channels": 3}, "hello.channels"),
        ({**HELLO, "rate": 8000}, "hello.rate: Extra inputs are not permitted"),
        ({**HELLO, "labels": {"a": 1}}, "hello.labels.a"),
        ({**HELLO, "labels": {f"l{n}": "" for n in range(33)}}, "hello.labels"),
        ({**HELLO, "type": "hi"}, "hello.type"),
        ({"type": "hello"}, "hello.rate_hz: Field required"),
        (b"\0\0", "the first message must be the hello"),
    ],
)
def test_a_bad_hello_is_refused_with_the_field(message: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        events(message)
    assert words in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"type": "pause"}', "\ud800"])
def test_a_text_that_is_no_end_is_refused(text: str) -> None:
    decoder = PcmDecoder()
    list(decoder.feed(json.dumps(HELLO)))
    with pytest.raises(InvalidInputError, match="message"):
        list(decoder.feed(text))
