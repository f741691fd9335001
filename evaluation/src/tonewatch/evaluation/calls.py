"""Lets an engine hear whole calls second by second, as in live operation.

The seconds are cut, and those without speech found, by the code of the ingest service; a second is
scored with the window that ends with it. So a rule meets here what it would have met live.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray
from tonewatch.evaluation.audio import read_audio
from tonewatch.evaluation.hearing import LEAST_SAMPLES, Hearing, batches, score
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.scenes import Scene, place_in
from tonewatch.inference.settings import InferenceOptions
from tonewatch.ingest.audio import TrackCutter

_BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ

Scored = Sequence[NDArray[np.float32] | None]
"""A posterior (9,) per second of a call; None where nobody speaks."""


@dataclass(frozen=True, slots=True)
class Call:
    """One voice, or all of them mixed, of a recording, and the segments that label it."""

    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        """The recording, and its channel where the labels name one."""
        channel = self.segments[0].channel
        return f"{self.segments[0].path.name}{f' channel {channel}' if channel else ''}"


def calls_of(segments: Iterable[Segment]) -> list[Call]:
    """The recordings whose labels have times; labels of whole files make no calls."""
    found: dict[object, list[Segment]] = {}
    for segment in segments:
        if not segment.is_whole_file:
            found.setdefault((segment.path, segment.channel), []).append(segment)
    return [Call(tuple(members)) for members in found.values()]


def hear_call(hearing: Hearing, call: Call, scene: Scene, number: int) -> Scored:
    """What the engine says of each second; `number` tells apart the calls of a measurement.

    Raises:
        InvalidInputError: the recording cannot be read.
    """
    first = call.segments[0]
    audio = _placed(hearing, read_audio(first.path, channel=first.channel), scene, number)
    reach = round(hearing.window_seconds * SAMPLE_RATE_HZ)
    ends = {
        second: end for second, end in enumerate(_ends(audio)) if end is not None
    }  # of seconds with speech
    scored: list[NDArray[np.float32] | None] = [None] * -(-len(audio) // SAMPLE_RATE_HZ)
    for group in batches(ends.items()):
        heard = [audio[max(0, end - reach) : end] for _, end in group]
        for (second, _), posterior in zip(group, score(hearing.engine, heard), strict=True):
            scored[second] = posterior
    return scored


def _ends(audio: FloatArray) -> list[int | None]:
    """The sample with which each second ends, if somebody speaks in it."""
    cutter = TrackCutter(lookahead=True)
    pcm = (np.clip(audio, -1, 1) * 32_767).astype("<i2").tobytes()
    pieces = [*cutter.feed(pcm)]
    if (last := cutter.finish()) is not None:
        pieces.append(last)
    least = InferenceOptions().speech_threshold
    ends = [piece.seq * SAMPLE_RATE_HZ + piece.samples for piece in pieces]
    return [
        end if piece.speech >= least and end >= LEAST_SAMPLES else None
        for piece, end in zip(pieces, ends, strict=True)
    ]


def _placed(hearing: Hearing, audio: FloatArray, scene: Scene, number: int) -> FloatArray:
    """The call in a scene, made minute by minute: transforms of an hour would take gigabytes.

    Every minute has the same seed, so it is one room, one echo and one noise all along.
    """
    if scene is Scene.A:
        return audio
    seed = (hearing.seed, number)
    starts = range(0, len(audio), _BLOCK_SAMPLES)
    blocks = [audio[start : start + _BLOCK_SAMPLES] for start in starts]
    return np.concatenate([place_in(scene, block, hearing.around, seed) for block in blocks])
