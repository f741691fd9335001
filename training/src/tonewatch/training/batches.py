"""Forms the windows of an epoch: emotions and corpora balanced, 1 to 3 s long, with pauses."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import features
from tonewatch.shared.emotions import Emotion
from tonewatch.training.corpus import CLASSES, Clip
from tonewatch.training.prepare import Half, Prepared, unpack

FloatArray = NDArray[np.float32]
Key = TypeVar("Key")

CORPUS_SHARE: Final[Mapping[str, float]] = {
    "ravdess": 1.5, "nemo": 1.5, "casia": 1.2, "emodb": 1.0, "urdu": 1.0, "tess": 0.6
}  # fmt: skip
"""How often a corpus is drawn: more for many speakers, less for many clips of one voice."""

EMOTION_SHARE: Final = dict.fromkeys(CLASSES, 1.0) | {
    Emotion.NEUTRAL: 1.8,  # most of every call
    Emotion.UNKNOWN: 0.6,
}

JOIN_PAUSE_SHARE, EXTRA_PAUSE_SHARE = 0.5, 0.25
"""How often a pause lies between two joined clips, and how often one more lies anywhere."""

_PAUSE_LEVEL = 1e-6
"""Power of a pause relative to the speech: 60 dB below."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one length: inputs (batch, frames, 112) and the index of each one's class."""

    inputs: FloatArray
    labels: NDArray[np.int64]


class Sampler:
    """Draws windows from prepared sounds; the same generator state gives the same windows."""

    def __init__(
        self, clips: Sequence[Clip], speech: Sequence[Prepared], noise: Sequence[Prepared]
    ) -> None:
        self._noise = noise
        self._speech = speech
        self._by_cell: dict[tuple[Emotion, str], list[int]] = defaultdict(list)
        self._alike: dict[tuple[str, str, Emotion], list[int]] = defaultdict(list)
        self._alike_key = [(clip.corpus, clip.speaker, clip.emotion) for clip in clips]
        present = {clip.emotion for clip in clips} | {Emotion.UNKNOWN}
        self._shares = {e: share for e, share in EMOTION_SHARE.items() if e in present}
        for number, clip in enumerate(clips):
            self._by_cell[clip.emotion, clip.corpus].append(number)
            self._alike[self._alike_key[number]].append(number)

    def epoch(self, batches: int, size: int, chance: Generator) -> Iterator[Batch]:
        """Batches of random windows; each batch has one length between 1 and 3 s."""
        for _ in range(batches):
            seconds = chance.choice([1.0, 1.5, 2.0, 2.5, 3.0], p=[0.25, 0.2, 0.2, 0.1, 0.25])
            length = features.frame_count(int(seconds * features.SAMPLE_RATE_HZ))
            drawn = [self._draw(length, chance) for _ in range(size)]
            inputs = np.stack([features.normalise(unpack(frames)) for frames, _ in drawn])
            yield Batch(inputs, np.array([label for _, label in drawn], dtype=np.int64))

    def _draw(self, length: int, chance: Generator) -> tuple[Half, int]:
        emotion = self._choose(self._shares, chance)
        if emotion is Emotion.UNKNOWN:
            frames = self._noise[int(chance.integers(len(self._noise)))].versions[0]
            frames = np.tile(frames, (-(-length // len(frames)), 1))
        else:
            frames = self._speech_for(emotion, length, chance)
        start = chance.integers(len(frames) - length + 1)
        return frames[start : start + length], CLASSES.index(emotion)

    def _speech_for(self, emotion: Emotion, length: int, chance: Generator) -> Half:
        """At least `length` frames of one speaker in one emotion; short clips are joined."""
        corpora = {c: CORPUS_SHARE.get(c, 1.0) for e, c in self._by_cell if e is emotion}
        cell = self._by_cell[emotion, self._choose(corpora, chance)]
        number = cell[chance.integers(len(cell))]
        version = chance.integers(len(self._speech[number].versions))
        alike = self._alike[self._alike_key[number]]
        parts = [self._speech[number].versions[version]]
        while sum(map(len, parts)) < length:
            if chance.random() < JOIN_PAUSE_SHARE:
                parts.append(_pause(parts[0], chance))
            parts.append(self._speech[alike[chance.integers(len(alike))]].versions[version])
        if chance.random() < EXTRA_PAUSE_SHARE:
            parts.insert(chance.integers(len(parts) + 1), _pause(parts[0], chance))
        return np.concatenate(parts)

    @staticmethod
    def _choose(shares: Mapping[Key, float], chance: Generator) -> Key:
        keys = list(shares)
        weights = np.array(list(shares.values()))
        return keys[chance.choice(len(keys), p=weights / weights.sum())]


def _pause(speech: Half, chance: Generator) -> Half:
    """Up to half a second of quiet line, as between two sentences."""
    frames = int(chance.integers(3, 32))
    level = np.log10(
        np.mean(10 ** speech[:, : features.MEL_BANDS].astype(np.float32)) * _PAUSE_LEVEL + 1e-12
    )
    power = level + chance.uniform(-0.5, 0.5, size=(frames, features.MEL_BANDS))
    pitch = chance.normal(0, 0.25, size=(frames, features.PITCH_BINS))
    return np.concatenate([power, pitch], axis=1).astype(np.float16)
