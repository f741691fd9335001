"""From a delivery to a checked frame: the border where malformed input is turned away."""

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tonewatch.shared.broker import Delivery, Entry
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Frame, Gap, GapReason
from tonewatch.shared.streams import Stream

PCM: Final = "pcm"
BYTES_PER_SAMPLE: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class FrameJob:
    """A frame to be scored, and the delivery that is settled by it."""

    delivery: Delivery
    frame: Frame
    pcm: bytes
    is_spoken: bool = True

    @property
    def published_ms(self) -> int:
        """When the broker took it, by the broker's clock."""
        return self.delivery.entry.published_ms


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A delivery that will get no score: it is malformed, or has failed too often."""

    delivery: Delivery
    reason: GapReason
    error: str


@dataclass(frozen=True, slots=True)
class Admission:
    """What a frame must fulfil: how often it may fail, and how much speech is worth a score."""

    max_deliveries: int
    speech_threshold: float

    def open(self, delivery: Delivery) -> FrameJob | Refused:
        """The frame of a delivery, or why it is turned away."""
        if delivery.deliveries > self.max_deliveries:
            error = f"not scored after {delivery.deliveries - 1} deliveries"
            return Refused(delivery, GapReason.POISON, error)
        try:
            frame, pcm = open_frame(delivery.stream, delivery.entry)
        except InvalidMessageError as error:
            return Refused(delivery, GapReason.INVALID, error.message)
        return FrameJob(delivery, frame, pcm, frame.speech >= self.speech_threshold)


def open_frame(stream: Stream, entry: Entry) -> tuple[Frame, bytes]:
    """Header and PCM of an entry.

    Raises:
        InvalidMessageError: the header cannot be read, or the PCM is not what it announces.
    """
    frame = decode(stream, entry)
    if not isinstance(frame, Frame):
        raise InvalidMessageError(f"{stream.name} entry {entry.entry_id}: {frame!r} is no frame")
    pcm = entry.fields.get(PCM, b"")
    expected = frame.samples * BYTES_PER_SAMPLE
    if len(pcm) != expected:
        raise InvalidMessageError(
            f"{stream.name} entry {entry.entry_id}: {len(pcm)} bytes of PCM,"
            f" but {frame.samples} samples have {expected}"
        )
    return frame, pcm


def gap_for(delivery: Delivery, reason: GapReason, detail: str) -> Gap | None:
    """The gap that takes the place of a frame that gets no score.

    Built from as much of the header as can be read; None if not even the track and number can be.
    """
    header = _readable_header(delivery.entry)
    for names in (_IDENTITY + _COMPANY, _IDENTITY):
        try:
            return _gap(header, names, reason, detail)
        except ValidationError:
            continue
    return None


_IDENTITY: Final = ("session_id", "source_id", "speaker")
_COMPANY: Final = ("labels", "traceparent")


def _gap(header: dict[str, Any], names: tuple[str, ...], reason: GapReason, detail: str) -> Gap:
    return Gap.model_validate(
        {
            **{name: header[name] for name in names if name in header},
            "first_seq": header.get("seq"),
            "last_seq": header.get("seq"),
            "reason": reason,
            "detail": detail[:512],
            "at": utc_now(),
            "final": header.get("final") is True,
        }
    )


def _readable_header(entry: Entry) -> dict[str, Any]:
    try:
        header = json.loads(entry.header)
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}
