"""The durable registry of sources."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.sources.model import Origin, Source, SourceKind
from tonewatch.ingest.sources.voices import Layout, Voices
from tonewatch.ingest.tables import sources
from tonewatch.shared.database import transaction
from tonewatch.shared.errors import ConflictError
from tonewatch.shared.messages import Speaker


class SourceRepository:
    """Sources in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> list[Source]:
        """All sources, oldest first."""
        query = select(sources).order_by(sources.c.created_at, sources.c.id)
        async with self._engine.connect() as connection:
            return [_source(row) for row in await connection.execute(query)]

    async def get(self, source_id: str) -> Source | None:
        """One source; None if there is no such one."""
        return await self._first(sources.c.id == source_id)

    async def by_key_hash(self, key_hash: str) -> Source | None:
        """The source to which a stream key belongs."""
        return await self._first(sources.c.key_hash == key_hash)

    async def add(self, source: Source) -> None:
        """Keep a new source.

        Raises:
            ConflictError: the id or the key is taken.
        """
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(insert(sources).values(**_values(source)))
        except IntegrityError as error:
            raise ConflictError(
                f"source {source.id}, or its stream key, is there already"
            ) from error

    async def update(self, source_id: str, **values: Any) -> None:
        """Change columns of a source."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(sources).where(sources.c.id == source_id).values(**values)
            )

    async def remove(self, source_id: str) -> bool:
        """Forget a source; says whether there was one."""
        async with transaction(self._engine) as connection:
            result = await connection.execute(delete(sources).where(sources.c.id == source_id))
        return result.rowcount > 0

    async def replace_declared(self, declared: Sequence[Source]) -> None:
        """Make the sources of the file those that are declared now, in one transaction.

        What changed its URL is pulled anew; a key that was given out by the API stays.

        Raises:
            ConflictError: a key belongs to another source.
        """
        try:
            async with transaction(self._engine) as connection:
                rows = await connection.execute(
                    select(sources).where(sources.c.origin == Origin.FILE.value)
                )
                known = {row.id: _source(row) for row in rows}
                gone = known.keys() - {source.id for source in declared}
                await connection.execute(delete(sources).where(sources.c.id.in_(gone)))
                for source in declared:
                    former = known.get(source.id)
                    if former is None:
                        await connection.execute(insert(sources).values(**_values(source)))
                        continue
                    values = _values(source)
                    for kept in ("id", "created_at", "key_hash", "finished"):
                        del values[kept]
                    if former.url != source.url:
                        values["finished"] = None
                    if source.key_hash is not None:
                        values["key_hash"] = source.key_hash
                    await connection.execute(
                        update(sources).where(sources.c.id == source.id).values(**values)
                    )
        except IntegrityError as error:
            raise ConflictError(
                "a stream key in the sources file belongs to a source that is there already"
            ) from error

    async def _first(self, condition: Any) -> Source | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(sources).where(condition))).first()
        return None if row is None else _source(row)


def columns_of(voices: Voices) -> dict[str, Any]:
    """The columns that keep them."""
    return {
        "layout": voices.layout.value,
        "unmonitored": sorted(speaker.value for speaker in voices.unmonitored),
    }


def _values(source: Source) -> dict[str, Any]:
    values = {each.name: getattr(source, each.name) for each in fields(source)}
    return values | columns_of(values.pop("voices"))


def _source(row: Row[Any]) -> Source:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row as a mapping
    values["kind"] = SourceKind(values["kind"])
    values["origin"] = Origin(values["origin"])
    values["permitted_labels"] = tuple(values["permitted_labels"])
    values["voices"] = Voices(
        Layout(values.pop("layout")), frozenset(map(Speaker, values.pop("unmonitored")))
    )
    return Source(**values)
