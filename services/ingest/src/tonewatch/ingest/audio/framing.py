"""Cuts a track's PCM into one-second pieces, numbered from 0, with VAD marks.

A live frame leaves the moment its second is complete. So whether a full frame is the last of its
track is not known when it leaves: `final` is set only on a last piece that is shorter than a
second. Consumers learn the end of a session, and its number of frames, from the SessionEvent.
A cutter with `lookahead` (recordings, where a second of delay costs nothing) holds the newest
second back until it knows whether more follows, so there the last frame is always final.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tonewatch.ingest.audio.levels import clipping, level_dbfs
from tonewatch.ingest.audio.segmenter import Segmenter
from tonewatch.ingest.audio.vad import VoiceDetector
from tonewatch.shared.messages import FRAME_BYTES, UtteranceMark

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """One second of one track (the last may be shorter), before it becomes a message."""

    seq: int
    pcm: bytes
    speech: float
    level_dbfs: float
    utterances: tuple[UtteranceMark, ...]
    clipping: float = 0.0
    final: bool = False

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.pcm) // SAMPLE_BYTES


class Second(NamedTuple):
    """A second of a track (the last may be shorter) that nobody has listened to yet."""

    seq: int
    pcm: bytes
    final: bool


class TrackCutter:
    """The cutter of one track: feed it PCM in order."""

    def __init__(self, *, lookahead: bool = False) -> None:
        self._hold_bytes = 1 if lookahead else 0
        self._buffer = bytearray()
        self._segmenter = Segmenter()
        self.detector = VoiceDetector()
        self.next_seq = 0

    def feed(self, pcm: bytes) -> Iterator[Piece]:
        """Take PCM (16 kHz mono s16le, any length) and yield the seconds it completes, heard."""
        for second in self.cut(pcm):
            yield self.piece(second, self.detector.voiced(second.pcm))

    def finish(self) -> Piece | None:
        """The rest of the track, marked final; None if it ended on a whole second."""
        rest = self.cut_rest()
        return rest and self.piece(rest, self.detector.voiced(rest.pcm, final=True))

    def cut(self, pcm: bytes) -> Iterator[Second]:
        """Take PCM (16 kHz mono s16le, any length) and yield the seconds it completes.

        Each of them must go, with what was heard in it, to `piece`, in order.
        """
        self._buffer += pcm
        while len(self._buffer) >= FRAME_BYTES + self._hold_bytes:
            second = bytes(self._buffer[:FRAME_BYTES])
            del self._buffer[:FRAME_BYTES]
            yield self._next(second, final=False)

    def cut_rest(self) -> Second | None:
        """The rest of the track; None if it ended on a whole second."""
        whole = len(self._buffer) - len(self._buffer) % SAMPLE_BYTES
        rest = bytes(self._buffer[:whole])
        self._buffer.clear()
        return self._next(rest, final=True) if rest else None

    def piece(self, second: Second, answers: list[bool]) -> Piece:
        """A second with what VAD says of each 20 ms of it."""
        for voiced in answers:
            self._segmenter.push(voiced=voiced)
        if second.final:
            self._segmenter.close()
        return Piece(
            seq=second.seq,
            pcm=second.pcm,
            speech=sum(answers) / len(answers),
            level_dbfs=level_dbfs(second.pcm),
            clipping=clipping(second.pcm),
            utterances=self._segmenter.take_marks(),
            final=second.final,
        )

    def _next(self, pcm: bytes, *, final: bool) -> Second:
        self.next_seq += 1
        return Second(self.next_seq - 1, pcm, final)
