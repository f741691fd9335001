"""The time axis on which the tracks of a call stay in step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewatch.ingest.sockets.timeline import JITTER_MS, MOST_JUMP_MS, MOST_LAG_MS, Timeline
from tonewatch.shared.errors import InvalidInputError

PER_MS = 8
PACKET_MS = 20
PACKET = b"\1\0" * (PACKET_MS * PER_MS)


class Tape:
    """What a timeline made of packets."""

    def __init__(self) -> None:
        self.timeline = Timeline(8000, (0, 1))
        self.tracks = {0: b"", 1: b""}

    def put(self, track: int, at_ms: int, pcm: bytes = PACKET) -> None:
        for appended, piece in self.timeline.place(track, at_ms, pcm):
            self.tracks[appended] += piece

    def ms(self, track: int) -> float:
        return len(self.tracks[track]) / 2 / PER_MS

    def silence_ms(self, track: int) -> float:
        samples = self.tracks[track][::2]
        return samples.count(0) / PER_MS


def test_packets_in_order_are_joined_without_a_seam() -> None:
    tape = Tape()
    for number in range(10):
        for track in (0, 1):
            tape.put(track, 5000 + number * PACKET_MS)
    assert tape.tracks == {0: 10 * PACKET, 1: 10 * PACKET}


def test_a_jittering_clock_leaves_no_seam() -> None:
    tape = Tape()
    for number, jitter in enumerate([0, 7, -9, 31, -40, 12]):
        tape.put(0, 1000 + number * PACKET_MS + jitter)
    assert tape.tracks[0] == 6 * PACKET


def test_a_missing_stretch_becomes_silence() -> None:
    tape = Tape()
    tape.put(0, 0)
    tape.put(0, 1000)
    assert tape.ms(0) == 1000 + PACKET_MS
    assert tape.silence_ms(0) == 1000 - PACKET_MS
    assert tape.tracks[0].endswith(PACKET)


def test_a_track_that_starts_later_starts_with_silence() -> None:
    tape = Tape()
    tape.put(0, 0)
    tape.put(1, 500)
    assert tape.ms(1) == 500 + PACKET_MS


def test_a_track_without_packets_is_filled_up_behind_the_other() -> None:
    tape = Tape()
    for at_ms in range(0, 10_000, PACKET_MS):
        tape.put(0, at_ms)
        assert tape.ms(0) - tape.ms(1) <= MOST_LAG_MS
    assert tape.silence_ms(1) == tape.ms(1) == 10_000 - MOST_LAG_MS
    # it comes to life again: in its place, to the packet
    tape.put(1, 9_000)
    assert tape.ms(1) == 9_000 + PACKET_MS


def test_what_comes_after_its_place_was_filled_is_left_out_and_counted() -> None:
    tape = Tape()
    for at_ms in range(0, 10_000, PACKET_MS):
        tape.put(0, at_ms)
    before = tape.ms(1)
    tape.put(1, 1000)
    assert tape.ms(1) == before
    assert tape.timeline.late_ms == PACKET_MS
    # a packet that is late by a part gives its rest
    tape.put(1, 8000 - 100, b"\1\0" * 200 * PER_MS)
    assert tape.ms(1) == before + 100
    assert tape.timeline.late_ms == PACKET_MS + 100


def test_a_jump_that_no_call_makes_is_refused_before_it_costs_memory() -> None:
    tape = Tape()
    tape.put(0, 0)
    with pytest.raises(InvalidInputError, match="jumps"):
        tape.put(0, MOST_JUMP_MS + PACKET_MS + 1)
    assert tape.ms(0) == PACKET_MS


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20_000), st.integers(0, 400)), max_size=60)
)
def test_whatever_comes_a_packet_lies_at_its_time_or_is_left_out(
    packets: list[tuple[int, int, int]],
) -> None:
    tape, sent_ms = Tape(), 0
    for track, at_ms, length_ms in packets:
        tape.put(track, at_ms, b"\1\0" * length_ms * PER_MS)
        sent_ms += length_ms
        if length_ms:
            assert tape.ms(track) >= at_ms - packets[0][1] + length_ms - JITTER_MS
        assert tape.ms(1 - track) >= tape.ms(track) - MOST_LAG_MS
    heard_ms = sum(tape.ms(track) - tape.silence_ms(track) for track in (0, 1))
    assert heard_ms + tape.timeline.late_ms == sent_ms
