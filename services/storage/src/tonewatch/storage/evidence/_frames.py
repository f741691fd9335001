"""Frames of one track, read back from their stream without taking them from anybody."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.messages import FRAME_BYTES, Frame, Track
from tonewatch.shared.streams import FRAMES, UPLOADS, Stream, partition_of
from tonewatch.storage.frames import frame_of

PAGE_ENTRIES: Final = 32
"""A frame is 32 kB: one answer of Redis is about a megabyte."""
SLACK: Final = timedelta(seconds=10)
"""How much sooner than expected a frame may have been published."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Consecutive seconds of one track, 16 kHz s16le mono; seconds that were lost are silent."""

    first_seq: int
    last_seq: int
    started_at: datetime
    pcm: bytes
    lost_seconds: int


async def read_audio(
    broker: Broker, track: Track, first_seq: int, last_seq: int, *, since: datetime
) -> Audio | None:
    """What is left of these seconds on the streams; None if nothing is.

    Args:
        broker: holds the frames.
        track: whose frames.
        first_seq: the first second.
        last_seq: the last second; the track may have ended before it.
        since: about when the first of them was published.

    Raises:
        BrokerUnavailableError: Redis does not answer.
    """
    live = f"{max(0, int((since - SLACK).timestamp() * 1000))}-0"
    for stream, begin in ((FRAMES, live), (UPLOADS, "0-0")):
        found: dict[int, tuple[Frame, bytes]] = {}
        async for frame, pcm in _frames(broker, stream, track, begin):
            if first_seq <= frame.seq <= last_seq:
                found[frame.seq] = frame, pcm
            if frame.seq >= last_seq:
                break
        if found:
            return _joined(found)
    return None


async def _frames(
    broker: Broker, stream: Stream, track: Track, begin: str
) -> AsyncIterator[tuple[Frame, bytes]]:
    """The track's frames on a stream after an entry id, in order."""
    partition = partition_of(track.key, broker.partitions)
    while True:
        page = await broker.tail(stream, {partition: begin}, count=PAGE_ENTRIES, block=None)
        for tail in page:
            found = frame_of(stream, tail.entry, track)
            if found is not None and found[1]:
                yield found
        if len(page) < PAGE_ENTRIES:
            return
        begin = page[-1].entry.entry_id


def _joined(found: dict[int, tuple[Frame, bytes]]) -> Audio:
    first, last = min(found), max(found)
    seconds = [found[seq][1] if seq in found else bytes(FRAME_BYTES) for seq in range(first, last)]
    return Audio(
        first_seq=first,
        last_seq=last,
        started_at=found[first][0].captured_at,
        pcm=b"".join([*seconds, found[last][1]]),
        lost_seconds=last - first + 1 - len(found),
    )
