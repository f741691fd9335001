"""The decoder of AudioSocket."""

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sockets import audiosocket_frame, pieces
from tonewatch.ingest.sockets.audiosocket import RATES_HZ, AudioSocketDecoder
from tonewatch.ingest.sockets.events import Audio, Ended, Event, Started
from tonewatch.ingest.sources import Layout
from tonewatch.shared.errors import InvalidInputError

IDENTITY = "0f3a1c4e-9d5b-4b7e-8a51-3c2d1e0f9a8b"
HELLO = audiosocket_frame(0x01, UUID(IDENTITY).bytes)
STARTED = Started(key=IDENTITY, layout=Layout.MIXED)


def events(*chunks: bytes) -> list[Event]:
    decoder = AudioSocketDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_a_call_from_its_uuid_to_its_hangup() -> None:
    dtmf, audio = audiosocket_frame(0x03, b"5"), audiosocket_frame(0x10, b"\1\2" * 160)
    made = events(HELLO + dtmf + audio + audiosocket_frame(0x00))
    assert made == [STARTED, Audio(b"\1\2" * 160, 8000), Ended("Asterisk hung up")]


@pytest.mark.parametrize(("kind", "rate_hz"), RATES_HZ.items())
def test_each_kind_of_audio_has_its_rate(kind: int, rate_hz: int) -> None:
    assert events(HELLO, audiosocket_frame(kind, b"\1\2"))[1] == Audio(b"\1\2", rate_hz)


def test_an_error_of_asterisk_ends_the_call() -> None:
    (_, ended) = events(HELLO, audiosocket_frame(0xFF, b"\x04"))
    assert ended == Ended("Asterisk reported an error: 04")


payloads = st.lists(st.tuples(st.sampled_from([0x10, 0x12, 0x03]), st.integers(0, 700)))


@given(payloads, st.lists(st.integers(0, 3000)))
def test_any_split_of_the_stream_gives_the_same_events(
    frames: list[tuple[int, int]], cuts: list[int]
) -> None:
    stream = HELLO + b"".join(
        audiosocket_frame(kind, bytes(range(1, 3)) * count) for kind, count in frames
    )
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    split = [stream[start:end] for start, end in pairwise(places)]
    assert events(*split) == events(stream) == events(*pieces(stream, 1))


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"GET / HTTP/1.1\r\n", "no AudioSocket"),
        (audiosocket_frame(0x10, b"\0\0"), "the first frame must be the UUID"),
        (audiosocket_frame(0x01, b"short"), "the first frame must be the UUID"),
        (HELLO + HELLO, "second UUID"),
        (HELLO + audiosocket_frame(0x10, b"odd"), "inside a sample"),
        (HELLO + audiosocket_frame(0x42), "kind 0x42"),
    ],
)
def test_what_is_not_audiosocket_is_refused(stream: bytes, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        events(stream)


def test_a_wrong_stream_is_refused_by_its_first_three_bytes() -> None:
    with pytest.raises(InvalidInputError):
        events(b"GET")
