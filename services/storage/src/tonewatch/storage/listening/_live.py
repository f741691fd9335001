"""The seconds of one live track as they come, as a WAV file that does not end before the call."""

import struct
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker, TailEntry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import now_ms
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import SAMPLE_RATE_HZ, Frame, Track
from tonewatch.shared.streams import FRAMES, partition_of

BLOCK: Final = timedelta(seconds=1)
BACK_MS: Final = 2500
"""A player begins sooner if it is handed some seconds at once."""
PAGE_ENTRIES: Final = 64
_ENDLESS: Final = 0xFFFF_FFFF
_SAMPLE_BYTES: Final = 2


def wav_head() -> bytes:
    """The head of a WAV file (RIFF, 16 kHz s16le mono) whose length nobody knows yet."""
    rate = SAMPLE_RATE_HZ
    shape = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 16)
    endless = struct.pack("<I", _ENDLESS)
    return b"RIFF" + endless + b"WAVEfmt " + shape + b"data" + endless


async def live_seconds(
    broker: Broker, track: Track, goes_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """PCM of the track from now on, a second at a time; empty when the stream brought none of it.

    Ends with the track's last frame, or when `goes_on` says so. A frame that comes twice is given
    once.

    Raises:
        BrokerUnavailableError: Redis does not answer.
    """
    partition = partition_of(track.key, broker.partitions)
    begin, newest = f"{now_ms() - BACK_MS}-0", -1
    while goes_on():
        page = await broker.tail(FRAMES, {partition: begin}, count=PAGE_ENTRIES, block=BLOCK)
        before = newest
        for tail in page:
            begin = tail.entry.entry_id
            frame = _frame_of(tail, track)
            if frame is None or frame.seq <= newest:
                continue
            newest = frame.seq
            yield tail.entry.fields.get("pcm", b"")
            if frame.final:
                return
        if newest == before:
            yield b""


def _frame_of(tail: TailEntry, track: Track) -> Frame | None:
    # most entries are of other tracks: a look at the header spares reading it
    if track.session_id.encode() not in tail.entry.header:
        return None
    try:
        frame = decode(FRAMES, tail.entry)
    except InvalidMessageError:
        return None  # inference makes a dead letter of it
    return frame if isinstance(frame, Frame) and frame.track == track else None
