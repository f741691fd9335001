"""Cuts a track's PCM into one-second pieces, numbered from 0, with VAD marks.

A live frame leaves the moment its second is complete. So whether a full frame is the last of its
track is not known when it leaves: `final` is set only on a last piece that is shorter than a
second. Consumers learn the end of a session, and its number of frames, from the SessionEvent.
A cutter with `lookahead` (recordings, where a second of delay costs nothing) holds the newest
second back until it knows whether more follows, so there the last frame is always final.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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


class TrackCutter:
    """The cutter of one track: feed it PCM in order."""

    def __init__(self, *, lookahead: bool = False) -> None:
        self._hold_bytes = 1 if lookahead else 0
        self._buffer = bytearray()
        self._detector = VoiceDetector()
        self._segmenter = Segmenter()
        self.next_seq = 0

    def feed(self, pcm: bytes) -> Iterator[Piece]:
        """Take PCM (16 kHz mono s16le, any length) and yield the seconds it completes."""
        self._buffer += pcm
        while len(self._buffer) >= FRAME_BYTES + self._hold_bytes:
            second = bytes(self._buffer[:FRAME_BYTES])
            del self._buffer[:FRAME_BYTES]
            yield self._piece(second, final=False)

    def finish(self) -> Piece | None:
        """The rest of the track, marked final; None if it ended on a whole second."""
        whole = len(self._buffer) - len(self._buffer) % SAMPLE_BYTES
        rest = bytes(self._buffer[:whole])
        self._buffer.clear()
        return self._piece(rest, final=True) if rest else None

    def _piece(self, pcm: bytes, *, final: bool) -> Piece:
        answers = self._detector.voiced(pcm, final=final)
        for voiced in answers:
            self._segmenter.push(voiced=voiced)
        if final:
            self._segmenter.close()
        piece = Piece(
            seq=self.next_seq,
            pcm=pcm,
            speech=sum(answers) / len(answers),
            level_dbfs=level_dbfs(pcm),
            clipping=clipping(pcm),
            utterances=self._segmenter.take_marks(),
            final=final,
        )
        self.next_seq += 1
        return piece
