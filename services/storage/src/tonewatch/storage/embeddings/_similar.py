"""Similarity search over whichever kind of vectors the database allows."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import InvalidInputError, NotFoundError
from tonewatch.storage.database import Database
from tonewatch.storage.embeddings._matrix import MatrixVectors
from tonewatch.storage.embeddings._pgvector import PgVectors
from tonewatch.storage.embeddings._vectors import Alike, Vectors, unit

REFRESH_SECONDS: Final = 10.0


class Similar:
    """Finds calls that sound alike; what it needs is built with the first question."""

    def __init__(
        self, database: Database, data_dir: Path, *, refresh_seconds: float | None = None
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._refresh_seconds = REFRESH_SECONDS if refresh_seconds is None else refresh_seconds
        self._vectors: Vectors | None = None
        self._refreshed_at = float("-inf")
        self._lock = asyncio.Lock()

    async def to_session(self, session_id: str, speaker: str | None, limit: int) -> list[Alike]:
        """Other sessions, those most like this one first.

        Raises:
            NotFoundError: the session has no embeddings.
        """
        vectors = await self._ready()
        middle = await vectors.mean_of(session_id, speaker)
        if middle is None:
            raise NotFoundError(
                f"session {session_id} has no embeddings: they are kept for sources whose label "
                "`embeddings` is `true`"
            )
        found = await vectors.nearest(middle, speaker, limit + 1)
        return [alike for alike in found if alike.session_id != session_id][:limit]

    async def to_vector(self, values: list[float], speaker: str | None, limit: int) -> list[Alike]:
        """Sessions, those most like the vector first.

        Raises:
            InvalidInputError: it has no direction, or no embedding has its length.
        """
        vector = unit(values)
        if vector is None:
            raise InvalidInputError("vector: its numbers must be finite and not all zero")
        vectors = await self._ready()
        dimensions = await vectors.dimensions()
        if dimensions and len(vector) not in dimensions:
            raise InvalidInputError(
                f"vector: it has {len(vector)} numbers, the embeddings here have {dimensions[0]}"
            )
        return await vectors.nearest(vector, speaker, limit)

    async def forget(self, sessions: Sequence[str]) -> None:
        """Keep no vector of these sessions, wherever it came from."""
        async with self._lock:
            if self._database.dialect == "postgresql":
                await PgVectors(self._database, self._data_dir).forget(sessions)
            self.close()
            self._refreshed_at = float("-inf")

    def close(self) -> None:
        """Release what was built."""
        if self._vectors is not None:
            self._vectors.close()

    async def _ready(self) -> Vectors:
        async with self._lock:
            if self._vectors is None:
                self._vectors = await self._best()
            if time.monotonic() - self._refreshed_at >= self._refresh_seconds:
                await self._vectors.refresh()
                self._refreshed_at = time.monotonic()
            return self._vectors

    async def _best(self) -> Vectors:
        if self._database.dialect == "postgresql":
            vectors = PgVectors(self._database, self._data_dir)
            if await vectors.prepare():
                return vectors
        return MatrixVectors(self._database, self._data_dir)
