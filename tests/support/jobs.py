"""Frames as the worker holds them, without a broker."""

from typing import Any

from tests.support.audio import speech_like_pcm
from tests.support.messages import make_frame
from tonewatch.inference.frames import FrameJob
from tonewatch.shared.broker import Delivery, Entry, Outgoing
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.streams import FRAMES

GOOD = speech_like_pcm(1)


def delivery_of(
    seq: int = 0,
    session_id: str = "call-1",
    pcm: bytes = GOOD,
    *,
    deliveries: int = 1,
    published_ms: int | None = None,
    **changes: Any,
) -> Delivery:
    """A delivered frame; its entry's id is made of `published_ms`, or of `seq` + 1."""
    fields = encode(Outgoing(FRAMES, make_frame(seq, session_id, **changes), {"pcm": pcm}))
    entry_id = f"{seq + 1 if published_ms is None else published_ms}-0"
    return Delivery(FRAMES, 0, "inference", Entry(entry_id, fields), deliveries)


def job_of(
    seq: int = 0,
    session_id: str = "call-1",
    pcm: bytes = GOOD,
    *,
    is_spoken: bool = True,
    published_ms: int | None = None,
    **changes: Any,
) -> FrameJob:
    """A frame to be scored."""
    delivery = delivery_of(seq, session_id, pcm, published_ms=published_ms, **changes)
    return FrameJob(delivery, make_frame(seq, session_id, **changes), pcm, is_spoken)
