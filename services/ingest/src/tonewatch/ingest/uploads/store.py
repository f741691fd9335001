"""What became of each upload, kept in the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.tables import uploads
from tonewatch.shared.database import transaction


class UploadState(StrEnum):
    """How far ingest is with a recording (scoring may still go on when it is published)."""

    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"


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
    stated_seconds: float | None = None
    """How long the file says it is; None if it does not say."""

    @property
    def progress(self) -> float | None:
        """The share of the recording that was taken in, 0 to 1; None if its length is unknown."""
        if self.state is UploadState.PUBLISHED:
            return 1.0
        if not self.stated_seconds:
            return None
        return min(1.0, self.duration_seconds / self.stated_seconds)


class UploadStore:
    """Uploads in the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, upload: Upload) -> None:
        """Note a new upload."""
        async with transaction(self._engine) as connection:
            await connection.execute(insert(uploads).values(**asdict(upload)))

    async def update(self, session_id: str, **values: Any) -> None:
        """Change columns of an upload."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(uploads).where(uploads.c.session_id == session_id).values(**values)
            )

    async def get(self, session_id: str) -> Upload | None:
        """One upload; None if there is no such one."""
        query = select(uploads).where(uploads.c.session_id == session_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _upload(row)

    async def latest(self, limit: int, before: str | None = None) -> list[Upload]:
        """The newest uploads, newest first; those before an upload's id, which is a time."""
        query = select(uploads).order_by(uploads.c.session_id.desc()).limit(limit)
        if before is not None:
            query = query.where(uploads.c.session_id < before)
        async with self._engine.connect() as connection:
            return [_upload(row) for row in (await connection.execute(query)).all()]

    async def fail_unfinished(self, error: str) -> None:
        """Uploads that a stopped ingest left behind cannot go on: their files are gone."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(uploads)
                .where(uploads.c.state == UploadState.PUBLISHING.value)
                .values(state=UploadState.FAILED.value, error=error)
            )


def _upload(row: Row[Any]) -> Upload:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row as a mapping
    return Upload(**(values | {"state": UploadState(row.state)}))
