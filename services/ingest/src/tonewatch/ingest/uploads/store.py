"""What became of each upload, kept in the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.tables import uploads


class UploadState(StrEnum):
    """How far ingest is with a recording (scoring may still go on when it is published)."""

    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One uploaded recording."""

    session_id: str
    name: str
    created_at: datetime
    state: UploadState = UploadState.PUBLISHING
    frames: int = 0
    duration_seconds: float = 0.0
    error: str | None = None


class UploadStore:
    """Uploads in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, upload: Upload) -> None:
        """Note a new upload."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(uploads).values(**asdict(upload)))

    async def update(self, session_id: str, **values: Any) -> None:
        """Change columns of an upload."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(uploads).where(uploads.c.session_id == session_id).values(**values)
            )

    async def get(self, session_id: str) -> Upload | None:
        """One upload; None if there is no such one."""
        query = select(uploads).where(uploads.c.session_id == session_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        values = dict(row._mapping)  # noqa: SLF001 - the public name of a row as a mapping
        return Upload(**(values | {"state": UploadState(row.state)}))

    async def fail_unfinished(self, error: str) -> None:
        """Uploads that a stopped ingest left behind cannot go on: their files are gone."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(uploads)
                .where(uploads.c.state == UploadState.PUBLISHING.value)
                .values(state=UploadState.FAILED.value, error=error)
            )
