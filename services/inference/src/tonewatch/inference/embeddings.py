"""Utterance embeddings on disk, for sources that ask for them."""

import asyncio
import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.utterances import Utterance
from tonewatch.shared.logging import get_logger

FOLDER: Final = "embeddings"

log = get_logger(__name__)


class Embeddings:
    """Writes `embeddings/SESSION/SPEAKER-NUMBER.npy` below the data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def save(self, utterance: Utterance, embedding: NDArray[np.float32]) -> str | None:
        """Keep an embedding as float16 of shape (dimension,).

        Returns its path relative to the data directory; None if it cannot be written, for the
        score matters more.
        """
        frame = utterance.job.frame
        # a session may be called "..", which is no name of a folder
        session = frame.session_id if frame.session_id.strip(".") else f"_{frame.session_id}"
        path = Path(FOLDER) / session / f"{frame.speaker.value}-{utterance.number}.npy"
        try:
            await asyncio.to_thread(_write, self._data_dir / path, embedding.astype(np.float16))
        except OSError as error:
            log.error("embedding not kept", path=str(path), reason=str(error))
            return None
        return str(path)


def _write(path: Path, embedding: NDArray[np.float16]) -> None:
    """Under a name of its own first: a reader never sees half a file, a retry replaces it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.save(file, embedding)
    partial.replace(path)
