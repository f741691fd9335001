"""From audio on channels to 16 kHz tracks of speakers."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from tests.support.audio import speech_like_pcm
from tests.support.sockets import backwards, every_second_sample, interleaved
from tonewatch.ingest.sockets.events import Audio, Started
from tonewatch.ingest.sockets.tracks import Tracks
from tonewatch.ingest.sources import Layout, Voices
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Speaker

LEFT = speech_like_pcm(0.5)
RIGHT = backwards(LEFT)
SPLIT, SWAPPED = Voices(Layout.LEFT_CUSTOMER), Voices(Layout.LEFT_AGENT)
NO_AGENT = Voices(Layout.LEFT_CUSTOMER, frozenset({Speaker.AGENT}))
TWILIO = Started(channels=2, usual_layout=Layout.LEFT_CUSTOMER)


def run(tracks: Tracks, *audio: Audio) -> dict[Speaker, bytes]:
    made: dict[Speaker, bytes] = {}
    for each in audio:
        for speaker, pcm in tracks.take(each):
            made[speaker] = made.get(speaker, b"") + pcm
    for speaker, pcm in tracks.rest():
        made[speaker] = made.get(speaker, b"") + pcm
    return made


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        (SPLIT, {Speaker.CUSTOMER: LEFT, Speaker.AGENT: RIGHT}),
        (SWAPPED, {Speaker.AGENT: LEFT, Speaker.CUSTOMER: RIGHT}),
        (NO_AGENT, {Speaker.CUSTOMER: LEFT}),
    ],
)
def test_channels_go_to_their_speakers(voices: Voices, expected: dict[Speaker, bytes]) -> None:
    tracks = Tracks(voices, Started(channels=2))
    assert set(tracks.speakers) == set(expected)
    assert run(tracks, Audio(interleaved(LEFT, RIGHT), 16_000)) == expected
    by_channel = Tracks(voices, Started(channels=2))
    assert run(by_channel, Audio(LEFT, 16_000, 0), Audio(RIGHT, 16_000, 1)) == expected


def test_two_channels_of_a_mixed_source_are_mixed() -> None:
    loud, opposite = b"\xff\x7f" * 10, b"\x01\x80" * 10
    made = run(Tracks(Voices(), Started(channels=2)), Audio(interleaved(loud, loud), 16_000))
    assert made == {Speaker.MIXED: loud}
    made = run(Tracks(Voices(), Started(channels=2)), Audio(interleaved(loud, opposite), 16_000))
    assert made == {Speaker.MIXED: bytes(20)}


def test_a_mixed_source_takes_the_layout_of_the_sender_or_the_protocol() -> None:
    said = Started(channels=2, layout=Layout.LEFT_AGENT)
    assert Tracks(Voices(), said).speakers == (Speaker.AGENT, Speaker.CUSTOMER)
    assert Tracks(Voices(), TWILIO).speakers == (Speaker.CUSTOMER, Speaker.AGENT)
    assert Tracks(SWAPPED, TWILIO).speakers == (Speaker.AGENT, Speaker.CUSTOMER)


def test_only_channels_that_are_heard_become_tracks() -> None:
    inbound = Started(channels=2, usual_layout=Layout.LEFT_CUSTOMER, heard=(0,))
    assert Tracks(Voices(), inbound).speakers == (Speaker.CUSTOMER,)


@pytest.mark.parametrize(
    ("voices", "started", "words"),
    [
        (SPLIT, Started(channels=1), "needs two channels"),
        (SPLIT, Started(channels=2, layout=Layout.LEFT_AGENT), "the source says"),
        (SPLIT, Started(channels=2, layout=Layout.MIXED), "the source says"),
        (Voices(), Started(channels=1, layout=Layout.LEFT_AGENT), "needs two channels"),
        (NO_AGENT, Started(channels=2, heard=(1,)), "nobody in this stream may be monitored"),
    ],
)
def test_what_contradicts_the_source_is_refused(
    voices: Voices, started: Started, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Tracks(voices, started)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_any_split_of_the_audio_gives_the_same_tracks(sizes: list[int]) -> None:
    stream, chunks, place = interleaved(*map(every_second_sample, (LEFT, RIGHT))), [], 0
    for size in sizes:
        chunks.append(stream[place : place + size])
        place += size
    chunks.append(stream[place:])
    split = run(Tracks(SPLIT, Started(channels=2)), *(Audio(chunk, 8000) for chunk in chunks))
    assert split == run(Tracks(SPLIT, Started(channels=2)), Audio(stream, 8000))


@pytest.mark.parametrize("rate_hz", [8000, 12_000, 44_100, 48_000])
def test_another_rate_comes_out_as_16_khz(rate_hz: int) -> None:
    samples = np.frombuffer(LEFT, dtype="<i2").astype(np.float32)
    there = soxr.resample(samples, 16_000, rate_hz)
    pcm = np.clip(np.rint(there), -32_767, 32_767).astype("<i2").tobytes()
    made = run(Tracks(Voices(), Started()), Audio(pcm, rate_hz))[Speaker.MIXED]
    back = np.frombuffer(made, dtype="<i2").astype(np.float32)
    assert abs(len(back) - len(samples)) <= 2
    shared = min(len(back), len(samples))
    assert np.corrcoef(back[:shared], samples[:shared])[0, 1] > 0.95


def test_silence_stays_silence_and_a_change_of_rate_loses_nothing() -> None:
    tracks = Tracks(Voices(), Started())
    made = run(tracks, Audio(bytes(16_000), 8000), Audio(bytes(32_000), 16_000))
    assert made == {Speaker.MIXED: bytes(64_000)}
