"""Frames of one track among those of others, read from their stream without taking them away."""

from tonewatch.shared.broker import Entry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Frame, Track
from tonewatch.shared.streams import Stream


def frame_of(stream: Stream, entry: Entry, track: Track) -> tuple[Frame, bytes] | None:
    """The frame and its PCM, if the entry is one of this track."""
    # most entries are of other tracks: a look at the header spares reading it
    if track.session_id.encode() not in entry.header:
        return None
    try:
        frame = decode(stream, entry)
    except InvalidMessageError:
        return None  # inference makes a dead letter of it
    assert isinstance(frame, Frame)  # noqa: S101 - the stream carries nothing else
    return (frame, entry.fields.get("pcm", b"")) if frame.track == track else None
