"""Embeddings as unit vectors, and what holds many of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

FOLDER: Final = "embeddings"
LARGEST: Final = 8192
"""Numbers of a vector, at most."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance whose embedding lies in a file."""

    session_id: str
    speaker: str
    number: int
    path: str


@dataclass(frozen=True, slots=True)
class Alike:
    """A session, and how much it is like what was asked."""

    session_id: str
    similarity: float  # mean cosine over its utterances, -1 to 1
    utterances: int


class Vectors(Protocol):
    """The embeddings of the stored utterances."""

    async def refresh(self) -> None:
        """Take in what came since the last time, and forget what was removed."""

    async def dimensions(self) -> Sequence[int]:
        """Lengths of the vectors that are there (one, unless the model was changed)."""

    async def mean_of(self, session_id: str, speaker: str | None) -> Vector | None:
        """The unit vector in the middle of a session's utterances; None if it has none."""

    async def nearest(self, vector: Vector, speaker: str | None, limit: int) -> list[Alike]:
        """Sessions by their likeness to a unit vector, greatest first."""

    def close(self) -> None:
        """Release what is held."""


def load(data_dir: Path, path: str) -> Vector | None:
    """A file's embedding as a unit vector of float32, shape (dimension,); None as in `read`."""
    return unit(read(data_dir, path))


def read(data_dir: Path, path: str) -> NDArray[np.generic] | None:
    """What a file of embeddings below `data_dir` holds, as the engine gave it.

    None if there is no such file or it holds no array: paths come with messages, so that they are
    not trusted to stay in the folder.
    """
    root = (data_dir / FOLDER).resolve()
    file = (data_dir / path).resolve()
    if not file.is_relative_to(root):
        return None
    try:
        found = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if isinstance(found, np.ndarray) else None


def unit(values: object) -> Vector | None:
    """The values as a vector of length 1; None if they are no vector that has a direction."""
    try:
        with np.errstate(over="ignore"):
            vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError):
        return None
    if vector.ndim != 1 or not 1 <= len(vector) <= LARGEST or not np.isfinite(vector).all():
        return None
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length).astype(np.float32) if length > 0 else None
