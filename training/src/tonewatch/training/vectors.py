"""What the ear hears in every prepared sound, pooled: the vectors that the head is trained on.

The ear is the one of live operation, 8-bit products included. Each version of a sound gives
one vector of all of it and one of a short stretch, as a step of a second sees it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import features
from tonewatch.inference.engines.compact.ear import Ear, loud_positions, pooling
from tonewatch.training.prepare import Half, Prepared, unpack

PIECE_FRAMES: Final = features.frame_count(7 * features.SAMPLE_RATE_HZ)
"""Longer sounds are heard in pieces."""

MOST_PIECES: Final = 3
SHORT_POSITIONS: Final = (50, 100)
"""A short stretch lasts one to two seconds."""

LEAST_DEVIATION: Final = 1e-2

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Pooled states: mean and deviation of every channel, and which sound each row came from."""

    rows: Half  # (vectors, 2 * channels)
    owners: Numbers  # (vectors,)

    def of(self, sounds: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows came from the chosen sounds (sounds,)."""
        return np.asarray(sounds[self.owners])


def hear_all(ear: Path, sounds: Sequence[Prepared], seed: int, folder: Path) -> Vectors:
    """Vectors of all sounds; kept on disk and taken from there if ear and sounds are the same."""
    digest = sha256(ear.read_bytes() + Path(__file__).read_bytes() + bytes(str(seed), "utf-8"))
    for sound in sounds:
        for version in sound.versions:
            digest.update(version[: 2 * len(version) : 7].tobytes())
    file = folder / f"vectors-{digest.hexdigest()[:16]}.npz"
    if not file.exists():
        with ProcessPoolExecutor(max_workers=2) as pool:
            work = partial(_hear, ear=str(ear), seed=seed)
            found = list(pool.map(work, enumerate(sounds), chunksize=16))
        owners = np.repeat(np.arange(len(found)), [len(rows) for rows in found])
        unfinished = file.with_name(f"{file.stem}.part.npz")
        np.savez(unfinished, rows=np.concatenate(found), owners=owners)
        unfinished.replace(file)
    with np.load(file) as stored:
        return Vectors(stored["rows"], stored["owners"])


def pooled(heard: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean and deviation of states (positions, channels) in stretches: (stretches, 2 channels)."""
    mean = weights @ heard
    spread = weights @ heard**2 - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(spread, LEAST_DEVIATION**2))], axis=1)


def _hear(task: tuple[int, Prepared], ear: str, seed: int) -> Half:
    number, sound = task
    chance = np.random.default_rng([seed, number])
    rows = [
        pooled(_ear(ear).hear(frames), pooling(loud_positions(frames), stretches))
        for version in sound.versions
        for frames in _pieces(version, chance)
        for stretches in [_stretches(-(-len(frames.power) // 2), chance)]
    ]
    return np.concatenate(rows).astype(np.float16)


@cache
def _ear(file: str) -> Ear:
    return Ear(Path(file).read_bytes())  # once per process


def _pieces(version: Half, chance: Generator) -> Iterator[features.Frames]:
    """The whole sound, or a few pieces of one second and more from a long one."""
    if len(version) <= PIECE_FRAMES:
        yield unpack(version)
        return
    for _ in range(MOST_PIECES):
        length = int(chance.integers(98, PIECE_FRAMES))
        start = int(chance.integers(len(version) - length))
        yield unpack(version[start : start + length])


def _stretches(positions: int, chance: Generator) -> list[tuple[int, int]]:
    length = min(positions, int(chance.integers(*SHORT_POSITIONS)))
    start = int(chance.integers(positions - length + 1))
    return [(0, positions), (start, start + length)]
