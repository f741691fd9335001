"""The seconds of one live track as they come, as a WAV file that does not end before the call."""

import struct
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.clock import now_ms
from tonewatch.shared.messages import SAMPLE_RATE_HZ, Track
from tonewatch.shared.streams import FRAMES, partition_of
from tonewatch.storage.frames import frame_of

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
            found = frame_of(FRAMES, tail.entry, track)
            if found is None or found[0].seq <= newest:
                continue
            frame, pcm = found
            newest = frame.seq
            yield pcm
            if frame.final:
                return
        if newest == before:
            yield b""
