"""Which files of watched folders were taken, kept in the database, so that none is taken twice."""

from pathlib import Path

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.folders.looking import Stamp
from tonewatch.ingest.tables import folder_files, uploads
from tonewatch.shared.clock import utc_now
from tonewatch.shared.database import transaction


class TakenFiles:
    """The files in the database, each as it last was."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, path: Path, stamp: Stamp, session_id: str) -> bool:
        """Note a file before anything is done with it; False if it was taken as it is already."""
        own = folder_files.c.path == str(path)
        is_same = (folder_files.c.size_bytes == stamp.size_bytes) & (
            folder_files.c.mtime_ns == stamp.mtime_ns
        )
        values = {
            "path": str(path),
            "size_bytes": stamp.size_bytes,
            "mtime_ns": stamp.mtime_ns,
            "session_id": session_id,
            "error": None,
            "taken_at": utc_now(),
        }
        async with self._engine.connect() as connection:
            if (await connection.execute(select(own).where(own & is_same))).first():
                return False
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(delete(folder_files).where(own & ~is_same))
                await connection.execute(insert(folder_files).values(**values))
        except IntegrityError:
            return False  # another ingest was quicker
        return True

    async def give_up(self, path: Path) -> None:
        """Forget a claim from which nothing came: the file is to be tried again."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(folder_files).where(folder_files.c.path == str(path)))

    async def note_error(self, path: Path, error: str) -> None:
        """Keep why a file could not be used, or what is left to do with it by hand."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(folder_files)
                .where(folder_files.c.path == str(path))
                .values(error=error[:512])
            )

    async def give_up_unbegun(self) -> None:
        """A killed ingest may have noted a file and never begun with it."""
        begun = select(uploads.c.session_id)
        async with transaction(self._engine) as connection:
            await connection.execute(
                delete(folder_files).where(folder_files.c.session_id.not_in(begun))
            )
