"""Lets an engine hear labelled segments: whole, and in windows as in live operation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray
from tonewatch.evaluation.audio import read_audio
from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.evaluation.scenes import Scene, place_in
from tonewatch.evaluation.sounds import Surroundings
from tonewatch.inference.engines.base import Engine, Waveform
from tonewatch.shared.errors import InvalidInputError

LONGEST_SECONDS: Final = 30
"""Of an utterance: what is longer is heard to here."""

LEAST_SAMPLES: Final = 400
"""Less is too short for the engines."""

BATCH: Final = 16
_WINDOWS_AT_ONCE: Final = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """What the engine said of one segment in one scene."""

    segment: Segment
    utterance: NDArray[np.float32]  # (9,)
    windows: NDArray[np.float32]  # (windows, 9), one a second


@dataclass(frozen=True, slots=True)
class Hearing:
    """How to listen: with which engine, among which sounds, in windows of what length."""

    engine: Engine
    around: Surroundings
    window_seconds: float = 3.0
    seed: int = 1

    def hear(
        self, segments: Sequence[Segment], scene: Scene, listing: Listing
    ) -> Iterator[Heard | None]:
        """One answer per segment, in order; None for those that cannot be read.

        What is wrong with these is noted in the listing.
        """
        for group in batches(enumerate(segments)):
            audios = [self._audio(segment, scene, number, listing) for number, segment in group]
            heard = iter(self._answers([audio for audio in audios if audio is not None]))
            for (_, segment), audio in zip(group, audios, strict=True):
                yield Heard(segment, *next(heard)) if audio is not None else None

    def _answers(
        self, audios: Sequence[FloatArray]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """What the engine says of each utterance, (9,), and of its windows, (windows, 9)."""
        parts = [[audio, *windows(audio, self.window_seconds)] for audio in audios]
        rows = iter(score(self.engine, [part for each in parts for part in each]))
        said = [[next(rows) for _ in each] for each in parts]
        return [(each[0], np.stack(each[1:])) for each in said]

    def _audio(
        self, segment: Segment, scene: Scene, number: int, listing: Listing
    ) -> FloatArray | None:
        try:
            audio = read_audio(
                segment.path, segment.start_seconds, segment.end_seconds, segment.channel
            )
        except InvalidInputError as error:
            listing.refuse(segment.place, error.message)
            return None
        if len(audio) < LEAST_SAMPLES:
            listing.refuse(segment.place, f"{segment.path}: a segment of less than 25 ms")
            return None
        audio = audio[: LONGEST_SECONDS * SAMPLE_RATE_HZ]
        return place_in(scene, audio, self.around, (self.seed, number))


def windows(audio: FloatArray, window_seconds: float) -> list[FloatArray]:
    """Every window of full length, one a second; of a shorter segment the one that there is."""
    length = round(window_seconds * SAMPLE_RATE_HZ)
    starts = range(0, max(1, len(audio) - length + 1), SAMPLE_RATE_HZ)
    return [audio[start : start + length] for start in starts]


def score(engine: Engine, heard: Sequence[Waveform]) -> list[NDArray[np.float32]]:
    """The engine's posteriors, (9,) each; it is asked for no more at once than in operation."""
    return [
        answer.probabilities
        for group in batches(heard, _WINDOWS_AT_ONCE)
        for answer in engine.score(group)
    ]


def batches(items: Iterable[T], most: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of at most that many."""
    remaining = iter(items)
    while group := list(islice(remaining, most)):
        yield group
