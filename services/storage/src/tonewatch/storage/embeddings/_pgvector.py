"""Embeddings in PostgreSQL, compared by the extension pgvector.

The extension may come and go with the server, so its table is no part of the schema: it is made
when it can be, and filled from the files.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import text

from tonewatch.storage.database import Database
from tonewatch.storage.embeddings._vectors import Alike, Spoken, Vector, load, unit
from tonewatch.storage.errors import DatabaseUnavailableError

BATCH: Final = 1000
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('storage utterance_vectors'))")
_TABLE: Final = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    (
        "CREATE TABLE IF NOT EXISTS utterance_vectors (session_id varchar(128), "
        "speaker varchar(16), number bigint, dimension integer NOT NULL, embedding vector, "
        "PRIMARY KEY (session_id, speaker, number))"
    ),
)
_SAME: Final = "(v.session_id, v.speaker, v.number) = (u.session_id, u.speaker, u.number)"
_NEW: Final = text(
    "SELECT u.session_id, u.speaker, u.number, u.embedding_path FROM utterances AS u "  # noqa: S608
    "WHERE u.embedding_path IS NOT NULL AND NOT EXISTS "
    f"(SELECT 1 FROM utterance_vectors AS v WHERE {_SAME}) ORDER BY u.started_at DESC LIMIT :most"
)
_ADD: Final = text(
    "INSERT INTO utterance_vectors VALUES (:session_id, :speaker, :number, :dimension, "
    "CAST(CAST(:embedding AS text) AS vector)) ON CONFLICT DO NOTHING"
)
_FORGET: Final = text(
    "DELETE FROM utterance_vectors AS v WHERE NOT EXISTS "  # noqa: S608 - our own names
    f"(SELECT 1 FROM utterances AS u WHERE {_SAME})"
)
_FORGET_SESSIONS: Final = text(
    "DELETE FROM utterance_vectors WHERE session_id = ANY(CAST(:sessions AS varchar[]))"
)
_IS_THERE: Final = text("SELECT to_regclass('utterance_vectors') IS NOT NULL")
_MEAN: Final = text(
    "SELECT CAST(AVG(embedding) AS text) FROM utterance_vectors WHERE session_id = :session_id "
    "AND (CAST(:speaker AS text) IS NULL OR speaker = :speaker) "
    "GROUP BY dimension ORDER BY COUNT(*) DESC LIMIT 1"
)
# the product of unit vectors is their cosine; <#> gives it negated
_NEAREST: Final = text(
    "SELECT session_id, AVG(-(embedding <#> CAST(CAST(:vector AS text) AS vector))), COUNT(*) "
    "FROM utterance_vectors WHERE dimension = :dimension AND dimension > 0 "
    "AND (CAST(:speaker AS text) IS NULL OR speaker = :speaker) "
    "GROUP BY session_id ORDER BY 2 DESC, 1 LIMIT :most"
)
_DIMENSIONS: Final = text(
    "SELECT dimension FROM utterance_vectors WHERE dimension > 0 "
    "GROUP BY dimension ORDER BY COUNT(*) DESC"
)


class PgVectors:
    """A table of vectors beside the utterances."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._data_dir = data_dir

    async def prepare(self) -> bool:
        """Make the extension and the table; says whether pgvector can be had."""
        try:
            async with self._database.write() as connection:
                await connection.execute(_LOCK)
                for statement in _TABLE:
                    await connection.execute(text(statement))
        except DatabaseUnavailableError:
            return await self._is_there()
        return True

    async def forget(self, sessions: Sequence[str]) -> None:
        """Remove the vectors of these sessions, if there is a table of them."""
        if await self._is_there():
            async with self._database.write() as connection:
                await connection.execute(_FORGET_SESSIONS, {"sessions": list(sessions)})

    async def _is_there(self) -> bool:
        async with self._database.read() as session:
            return bool(await session.scalar(_IS_THERE))

    async def refresh(self) -> None:
        """Load the files of new utterances, the newest first; drop those that were removed."""
        async with self._database.write() as connection:
            await connection.execute(_FORGET)
        while True:
            async with self._database.read() as session:
                new = [Spoken(*row) for row in await session.execute(_NEW, {"most": BATCH})]
            if not new:
                return
            rows = await asyncio.to_thread(lambda some: [self._row(s) for s in some], new)
            async with self._database.write() as connection:
                await connection.execute(_ADD, rows)

    async def dimensions(self) -> Sequence[int]:
        """The lengths, most frequent first."""
        async with self._database.read() as session:
            return list(await session.scalars(_DIMENSIONS))

    async def mean_of(self, session_id: str, speaker: str | None) -> Vector | None:
        """By AVG of vectors."""
        async with self._database.read() as session:
            found = await session.scalar(_MEAN, {"session_id": session_id, "speaker": speaker})
        return None if found is None else unit(np.array(found.strip("[]").split(","), np.float32))

    async def nearest(self, vector: Vector, speaker: str | None, limit: int) -> list[Alike]:
        """One query, exact."""
        values = {
            "vector": _text(vector),
            "dimension": len(vector),
            "speaker": speaker,
            "most": limit,
        }
        async with self._database.read() as session:
            rows = (await session.execute(_NEAREST, values)).all()
        return [Alike(session_id, float(mean), count) for session_id, mean, count in rows]

    def close(self) -> None:
        """Nothing is held here."""

    def _row(self, spoken: Spoken) -> dict[str, object]:
        """A row of the table; without a vector if the file holds none, so as to ask once."""
        vector = load(self._data_dir, spoken.path)
        return {
            "session_id": spoken.session_id,
            "speaker": spoken.speaker,
            "number": spoken.number,
            "dimension": 0 if vector is None else len(vector),
            "embedding": None if vector is None else _text(vector),
        }


def _text(vector: Vector) -> str:
    return f"[{','.join(map(str, vector.tolist()))}]"
