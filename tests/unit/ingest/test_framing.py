"""PCM becomes numbered seconds, however it arrives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.audio import silence_pcm, sine_pcm, speech_like_pcm
from tonewatch.ingest.audio import Piece, TrackCutter
from tonewatch.shared.messages import FRAME_BYTES


def cut(pcm: bytes, sizes: list[int], *, lookahead: bool = False) -> list[Piece]:
    """All pieces of a track whose PCM arrives in parts of these sizes, over and over."""
    cutter, pieces, position, turn = TrackCutter(lookahead=lookahead), [], 0, 0
    while position < len(pcm):
        size = sizes[turn % len(sizes)]
        pieces += list(cutter.feed(pcm[position : position + size]))
        position, turn = position + size, turn + 1
    last = cutter.finish()
    return pieces if last is None else [*pieces, last]


@settings(deadline=None, max_examples=25)
@given(
    samples=st.integers(1, 3 * FRAME_BYTES),
    sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=5),
    lookahead=st.booleans(),
)
def test_no_sample_is_lost_or_moved_whatever_the_sizes_of_the_parts(
    samples: int, sizes: list[int], *, lookahead: bool
) -> None:
    pcm = speech_like_pcm(samples / 16_000)
    pieces = cut(pcm, sizes, lookahead=lookahead)
    assert b"".join(piece.pcm for piece in pieces) == pcm
    assert [piece.seq for piece in pieces] == list(range(len(pieces)))
    assert all(len(piece.pcm) == FRAME_BYTES for piece in pieces[:-1])
    assert pieces == cut(pcm, [len(pcm)], lookahead=lookahead)


def test_only_a_short_last_frame_of_a_live_track_is_final() -> None:
    assert [piece.final for piece in cut(sine_pcm(2.5), [3200])] == [False, False, True]
    assert [piece.final for piece in cut(sine_pcm(2), [3200])] == [False, False]


def test_the_last_frame_of_a_recording_is_always_final() -> None:
    assert [piece.final for piece in cut(sine_pcm(2), [3200], lookahead=True)] == [False, True]


def test_a_live_second_leaves_with_its_last_sample() -> None:
    cutter = TrackCutter()
    assert list(cutter.feed(bytes(FRAME_BYTES - 2))) == []
    assert len(list(cutter.feed(bytes(2)))) == 1


def test_speech_and_silence_are_told_apart_and_levels_are_right() -> None:
    silent, spoken = cut(silence_pcm(1), [3200])[0], cut(speech_like_pcm(1), [3200])[0]
    tone = cut(sine_pcm(1, amplitude=0.5), [3200])[0]
    assert (silent.speech, silent.level_dbfs) == (0, -100)
    assert spoken.speech > 0.8
    assert abs(tone.level_dbfs - -9.03) < 0.05


def test_each_second_says_how_much_of_it_is_clipped() -> None:
    clipped = [piece.clipping for piece in cut(sine_pcm(1) + sine_pcm(1, amplitude=2), [3200])]
    assert clipped == [0, pytest.approx(0.67, abs=0.01)]


def test_noise_below_the_floor_is_no_speech() -> None:
    assert cut(speech_like_pcm(1, amplitude=0.001), [3200])[0].speech == 0
