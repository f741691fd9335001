"""All embeddings of a session in one file, for whoever goes on with them in numpy."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tonewatch.storage.embeddings._vectors import read, unit


@dataclass(frozen=True, slots=True)
class Place:
    """An utterance, and the file of its embedding."""

    speaker: str
    number: int
    start_ms: int
    end_ms: int
    path: str


def bundle(
    data_dir: Path, places: Sequence[Place], dimension: int | None
) -> tuple[bytes, set[int]]:
    """An .npz file, and the lengths that the embeddings have; without bytes unless that is one.

    Arrays of one length, the utterances in the order given: `embeddings` (float32, shape
    (utterances, dimension)), `speaker`, `number`, `start_ms` and `end_ms`. Only vectors of
    `dimension` numbers are taken if it is given; files that hold no embedding are passed over.
    """
    found = [(place, read(data_dir, place.path)) for place in places]
    held = [
        (place, array) for place, array in found if array is not None and unit(array) is not None
    ]
    lengths = {len(array) for _, array in held}
    wanted = {dimension} & lengths if dimension is not None else lengths
    if len(wanted) != 1:
        return b"", lengths
    chosen = [(place, array) for place, array in held if len(array) in wanted]
    columns: dict[str, Any] = {
        "embeddings": np.stack([array for _, array in chosen]).astype(np.float32),
        "speaker": np.array([place.speaker for place, _ in chosen]),
        **{
            name: np.array([getattr(place, name) for place, _ in chosen], np.int64)
            for name in ("number", "start_ms", "end_ms")
        },
    }
    file = io.BytesIO()
    np.savez(file, **columns)
    return file.getvalue(), lengths
