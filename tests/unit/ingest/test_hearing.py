"""Tracks that are listened to together are heard as each alone."""

import asyncio

import pytest

from tests.support.audio import silence_pcm, speech_like_pcm
from tonewatch.ingest.audio import Hearing, Piece, TrackCutter
from tonewatch.ingest.audio.hearing import TRACKS_AT_ONCE


def sound(number: int) -> bytes:
    """Each track speaks at another time, and for another while."""
    before = silence_pcm(0.3 * (number % 5))
    return before + speech_like_pcm(2.2 + 0.17 * number, seed=number)


def alone(pcm: bytes) -> list[Piece]:
    cutter = TrackCutter()
    pieces = list(cutter.feed(pcm))
    last = cutter.finish()
    return pieces + ([last] if last else [])


async def test_together_is_as_alone() -> None:
    hearing, tracks = Hearing(), range(TRACKS_AT_ONCE + 3)
    cutters = {number: TrackCutter() for number in tracks}
    heard: dict[int, list[Piece]] = {number: [] for number in tracks}
    sounds = {number: sound(number) for number in tracks}
    for at in range(0, max(map(len, sounds.values())), 16_000):
        for number, cutter in cutters.items():
            for second in cutter.cut(sounds[number][at : at + 16_000]):
                hearing.add(cutter, second, heard[number].append)
        await asyncio.sleep(0)
    for number, cutter in cutters.items():
        last = cutter.cut_rest()
        if last is not None:
            hearing.add(cutter, last, heard[number].append)
    hearing.flush()
    for number, pieces in heard.items():
        wanted = alone(sounds[number])
        assert [piece.seq for piece in pieces] == [piece.seq for piece in wanted]
        assert [piece.utterances for piece in pieces] == [piece.utterances for piece in wanted]
        assert [piece.speech for piece in pieces] == pytest.approx(
            [piece.speech for piece in wanted]
        )


async def test_the_seconds_of_a_track_keep_their_order() -> None:
    hearing, cutter, heard = Hearing(), TrackCutter(), list[Piece]()
    for second in cutter.cut(speech_like_pcm(5)):
        hearing.add(cutter, second, heard.append)
    assert not heard
    await asyncio.sleep(0)
    assert [piece.seq for piece in heard] == [0, 1, 2, 3, 4]
