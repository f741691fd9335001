"""The newest embeddings as one matrix in a file without a name, mapped into memory."""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from tonewatch.storage.database import Database
from tonewatch.storage.embeddings._vectors import FOLDER, Alike, Spoken, Vector, load, unit
from tonewatch.storage.models import Utterance

MOST_UTTERANCES: Final = 100_000
"""The newest; of 1024 numbers each, they are a file of 400 MB."""
CHUNK: Final = 4096
"""Rows by which the file grows."""


class MatrixVectors:
    """All embeddings of one length in a matrix; the file vanishes with the process."""

    def __init__(self, database: Database, data_dir: Path, *, most: int = MOST_UTTERANCES) -> None:
        self._database = database
        self._data_dir = data_dir
        self._most = most
        self._matrices: dict[int, _Matrix] = {}
        self._known: set[Spoken] = set()

    async def refresh(self) -> None:
        """Read the files of new utterances; rebuild if some were removed."""
        wanted = await self._spoken()
        if not self._known <= wanted.keys():
            # nothing of a person whose data was removed may stay, not even in a cache
            self.close()
        new = [spoken for spoken in wanted if spoken not in self._known]
        await asyncio.to_thread(self._read, new)
        self._known.update(new)

    async def dimensions(self) -> Sequence[int]:
        """The lengths, most frequent first."""
        counts = Counter({dimension: m.count for dimension, m in self._matrices.items()})
        return [dimension for dimension, _ in counts.most_common()]

    async def mean_of(self, session_id: str, speaker: str | None) -> Vector | None:
        """From the rows of the session."""
        for dimension in await self.dimensions():
            matrix = self._matrices[dimension]
            rows = [
                row
                for row, spoken in enumerate(matrix.spoken)
                if spoken.session_id == session_id and speaker in (None, spoken.speaker)
            ]
            if rows:
                return unit(matrix.values[rows].mean(axis=0))
        return None

    async def nearest(self, vector: Vector, speaker: str | None, limit: int) -> list[Alike]:
        """One product with the matrix of the vector's length."""
        matrix = self._matrices.get(len(vector))
        if matrix is None:
            return []
        return await asyncio.to_thread(matrix.nearest, vector, speaker, limit)

    def close(self) -> None:
        """Forget everything; the files vanish."""
        for matrix in self._matrices.values():
            matrix.close()
        self._matrices, self._known = {}, set()

    async def _spoken(self) -> dict[Spoken, None]:
        query = (
            select(
                Utterance.session_id, Utterance.speaker, Utterance.number, Utterance.embedding_path
            )
            .where(Utterance.embedding_path.is_not(None))
            .order_by(Utterance.started_at.desc())
            .limit(self._most)
        )
        async with self._database.read() as session:
            found = await session.execute(query)
            return {Spoken(s, who, n, path or ""): None for s, who, n, path in found}

    def _read(self, new: Sequence[Spoken]) -> None:
        for some in _batches(new):
            found: dict[int, list[tuple[Spoken, Vector]]] = defaultdict(list)
            for spoken in some:
                vector = load(self._data_dir, spoken.path)
                if vector is not None:
                    found[len(vector)].append((spoken, vector))
            for dimension, pairs in found.items():
                if dimension not in self._matrices:
                    self._matrices[dimension] = _Matrix(self._data_dir / FOLDER, dimension)
                self._matrices[dimension].add(pairs)


class _Matrix:
    """Unit vectors of one length, row by row, and whose they are."""

    def __init__(self, folder: Path, dimension: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - until close()
        self._dimension = dimension
        self.spoken: list[Spoken] = []
        self._values: NDArray[np.float32] = np.empty((0, dimension), np.float32)

    def close(self) -> None:
        """Let the file vanish."""
        self._file.close()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.spoken)

    @property
    def values(self) -> NDArray[np.float32]:
        """The rows, shape (count, dimension)."""
        return self._values[: self.count]

    def add(self, pairs: Sequence[tuple[Spoken, Vector]]) -> None:
        """Append rows."""
        end = self.count + len(pairs)
        if end > len(self._values):
            rows = -(-end // CHUNK) * CHUNK
            self._file.truncate(rows * self._dimension * np.dtype(np.float32).itemsize)
            self._values = np.memmap(
                self._file, np.float32, mode="r+", shape=(rows, self._dimension)
            )
        self._values[self.count : end] = [vector for _, vector in pairs]
        self.spoken += [spoken for spoken, _ in pairs]

    def nearest(self, vector: Vector, speaker: str | None, limit: int) -> list[Alike]:
        """Sessions by the mean cosine of their rows."""
        cosines = self.values @ vector
        sums: dict[str, float] = defaultdict(float)
        counts: Counter[str] = Counter()
        for spoken, cosine in zip(self.spoken, cosines.tolist(), strict=True):
            if speaker is None or spoken.speaker == speaker:
                sums[spoken.session_id] += cosine
                counts[spoken.session_id] += 1
        found = [Alike(key, total / counts[key], counts[key]) for key, total in sums.items()]
        found.sort(key=lambda alike: (-alike.similarity, alike.session_id))
        return found[:limit]


def _batches(new: Sequence[Spoken]) -> Iterator[list[Spoken]]:
    rest = iter(new)
    while some := list(islice(rest, CHUNK)):
        yield some
