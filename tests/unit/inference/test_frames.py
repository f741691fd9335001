"""The border: what is malformed is turned away, and leaves a gap where its header allows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import make_frame
from tonewatch.inference.frames import gap_for, open_frame
from tonewatch.shared.broker import Delivery, Entry
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import GapReason
from tonewatch.shared.streams import FRAMES


def entry(pcm: bytes, header: bytes | None = None, **changes: Any) -> Entry:
    frame = make_frame(7).model_dump(mode="json") | changes
    return Entry("1-0", {"h": json.dumps(frame).encode() if header is None else header, "pcm": pcm})


def test_a_whole_frame_is_opened() -> None:
    frame, pcm = open_frame(FRAMES, entry(b"\1\2" * 16_000))
    assert frame == make_frame(7)
    assert len(pcm) == 32_000


@pytest.mark.parametrize("size", [0, 1, 31_999, 32_002])
def test_pcm_of_another_length_than_announced_is_refused(size: int) -> None:
    with pytest.raises(InvalidMessageError, match=f"{size} bytes of PCM"):
        open_frame(FRAMES, entry(bytes(size)))


@given(st.binary(max_size=200))
def test_garbage_for_a_header_is_refused_and_leaves_no_gap(header: bytes) -> None:
    damaged = entry(b"", header)
    with pytest.raises(InvalidMessageError):
        open_frame(FRAMES, damaged)
    delivery = Delivery(FRAMES, 0, "inference", damaged)
    assert gap_for(delivery, GapReason.INVALID, "why") is None


@pytest.mark.parametrize(
    "changes",
    [{}, {"v": 99}, {"speech": 7}, {"samples": 0}, {"labels": "none"}, {"traceparent": "x" * 99}],
)
def test_a_gap_is_built_from_what_can_be_read(changes: dict[str, Any]) -> None:
    delivery = Delivery(FRAMES, 0, "inference", entry(b"", final=True, **changes))
    gap = gap_for(delivery, GapReason.INVALID, "x" * 9999)
    assert gap is not None
    assert (gap.session_id, gap.source_id, gap.first_seq, gap.last_seq) == (
        "call-1",
        "source-1",
        7,
        7,
    )
    assert gap.final
    assert gap.reason is GapReason.INVALID


@pytest.mark.parametrize("changes", [{"seq": -1}, {"session_id": ""}, {"speaker": "dog"}])
def test_there_is_no_gap_without_a_track_and_a_number(changes: dict[str, Any]) -> None:
    delivery = Delivery(FRAMES, 0, "inference", entry(b"", **changes))
    assert gap_for(delivery, GapReason.INVALID, "why") is None
