"""Everything of one person removed, by the label that names them, with a receipt."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select, update

from tonewatch.shared.errors import ConflictError
from tonewatch.shared.ids import new_id
from tonewatch.storage.audit import record
from tonewatch.storage.database import Database
from tonewatch.storage.models import (
    AlertHour,
    EmotionHour,
    EmotionRecord,
    EmotionSteps,
    Session,
    Source,
    Utterance,
)
from tonewatch.storage.retention._files import remove_embeddings
from tonewatch.storage.retention._labels import Label
from tonewatch.storage.retention._tables import OF_SESSION, is_held
from tonewatch.storage.rollups import Rollups

SESSIONS_AT_ONCE: Final = 50
ROWS_AT_ONCE: Final = 1000
SHOWN: Final = 5

Removal = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
"""Removes what else belongs to these sessions (files), and says how many of what."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The receipt: what was removed. It names the label, but its value only as a fingerprint."""

    erasure_id: str
    label: str
    value_sha256: str
    sessions: int
    removed: dict[str, int]


class Eraser:
    """Removes sessions by label."""

    def __init__(
        self, database: Database, data_dir: Path, removals: Sequence[Removal] = ()
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._removals = removals

    async def erase(self, label: Label, *, by: str, reason: str) -> Erased:
        """Remove all sessions that carry the label, with all their rows and files.

        Hourly sums stay where they name nobody; those of an agent go with the label `agent_id`.

        Raises:
            ConflictError: a legal hold keeps some of them; nothing was removed.
            DatabaseUnavailableError: not now; ask again, what was removed stays removed.
        """
        await self._refuse_held(label)
        await Rollups(self._database).catch_up()
        removed: Counter[str] = Counter()
        sessions = 0
        while ids := await self._next_sessions(label):
            for removal in (self._remove_embeddings, *self._removals):
                removed.update(await removal(ids))
            removed.update(await self._remove_rows(ids))
            sessions += len(ids)
        return await self._finish(label, by, reason, sessions, removed)

    async def _refuse_held(self, label: Label) -> None:
        query = select(Session.session_id).where(label.of_session, is_held()).limit(SHOWN + 1)
        async with self._database.read() as session:
            held = list(await session.scalars(query))
        if held:
            more = " and others" if len(held) > SHOWN else ""
            raise ConflictError(
                f"a legal hold keeps {', '.join(held[:SHOWN])}{more}: release it first"
            )

    async def _next_sessions(self, label: Label) -> list[str]:
        query = select(Session.session_id).where(label.of_session).limit(SESSIONS_AT_ONCE)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def _remove_embeddings(self, ids: Sequence[str]) -> Mapping[str, int]:
        files = 0
        for model in (EmotionRecord, Utterance):
            path: Any = model.embedding_path
            async with self._database.read() as session:
                found = await session.scalars(
                    select(path).where(model.session_id.in_(ids), path.is_not(None))
                )
            files += await asyncio.to_thread(remove_embeddings, self._data_dir, list(found))
        return {"embedding files": files}

    async def _remove_rows(self, ids: Sequence[str]) -> Counter[str]:
        removed: Counter[str] = Counter()
        while batch := await self._records(ids):
            async with self._database.write() as connection:
                for model in (EmotionSteps, EmotionRecord):
                    gone = await connection.execute(delete(model).where(model.id.in_(batch)))
                    removed[model.__tablename__] += gone.rowcount
        async with self._database.write() as connection:
            for model in OF_SESSION:
                gone = await connection.execute(delete(model).where(model.session_id.in_(ids)))
                removed[model.__tablename__] += gone.rowcount
        return removed

    async def _records(self, ids: Sequence[str]) -> list[int]:
        query = select(EmotionRecord.id).where(EmotionRecord.session_id.in_(ids))
        async with self._database.read() as session:
            return list(await session.scalars(query.limit(ROWS_AT_ONCE)))

    async def _finish(
        self, label: Label, by: str, reason: str, sessions: int, removed: Counter[str]
    ) -> Erased:
        fingerprint = hashlib.sha256(label.value.encode()).hexdigest()
        carried: Any = Source.labels[label.name].as_string()
        async with self._database.write() as connection:
            await connection.execute(update(Source).where(carried == label.value).values(labels={}))
            for model in (EmotionHour, AlertHour) if label.name == "agent_id" else ():
                gone = await connection.execute(delete(model).where(model.agent_id == label.value))
                removed[model.__tablename__] += gone.rowcount
            counts = {name: count for name, count in sorted(removed.items()) if count}
            receipt = Erased(new_id(), label.name, fingerprint, sessions, counts)
            detail = {"label": label.name, "value_sha256": fingerprint, "reason": reason}
            await record(
                connection,
                by,
                "erasure",
                receipt.erasure_id,
                detail | {"sessions": sessions, "removed": counts},
            )
        return receipt
