"""After a publish without an answer: which of its frames are in the stream after all?

A connection can break after Redis has done what it was asked and before it says so. Publishing the
same frame again would put it into the stream twice, so the stream is asked first.
"""

from collections.abc import Collection
from typing import Final

from tonewatch.shared.broker import Broker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Frame
from tonewatch.shared.streams import Stream

READ_ENTRIES: Final = 64
FrameKey = tuple[str, int]
"""The partition key of a track, and the number of the frame."""


def frame_key(frame: Frame) -> FrameKey:
    """By what a frame is recognised in its stream."""
    return frame.partition_key, frame.seq


async def find_frames(
    broker: Broker, stream: Stream, partition: int, *, after: str, wanted: Collection[FrameKey]
) -> dict[FrameKey, str]:
    """The entry ids of those wanted frames that the stream holds after an entry."""
    found: dict[FrameKey, str] = {}
    position = after
    while entries := await broker.tail(
        stream, {partition: position}, count=READ_ENTRIES, block=None
    ):
        for row in entries:
            position = row.entry.entry_id
            try:
                message = decode(stream, row.entry)
            except InvalidMessageError:
                continue  # its consumer will find it and dead-letter it
            if isinstance(message, Frame):
                key = frame_key(message)
                if key in wanted:
                    found[key] = position
    return found
