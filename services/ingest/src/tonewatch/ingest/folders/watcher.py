"""Takes in the recordings of watched folders, a few at a time, each of them once.

A file is noted before it is begun, with the id of its session. So a killed ingest takes up nothing
twice, and what was cut off in the middle stays as a failed upload: `touch` has it taken again.
"""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from tonewatch.ingest.folders.declared import After, WatchedFolder
from tonewatch.ingest.folders.looking import Look, Stamp
from tonewatch.ingest.folders.taken import TakenFiles
from tonewatch.ingest.uploads import (
    ReceivedFile,
    Recording,
    Upload,
    Uploads,
    UploadState,
    UploadStore,
)
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import TonewatchError, UnavailableError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import wait_for_stop

NAME_CHARACTERS: Final = 256
PATH_CHARACTERS: Final = 1024

log = get_logger(__name__)


class FolderWatcher:
    """All watched folders."""

    def __init__(
        self,
        folders: Sequence[WatchedFolder],
        *,
        poll_seconds: float,
        settle_seconds: float,
        taken: TakenFiles,
        uploads: Uploads,
        store: UploadStore,
        metrics: Metrics,
    ) -> None:
        self._looks = [Look(folder, settle_seconds) for folder in folders]
        self._poll_seconds = poll_seconds
        self._taken = taken
        self._uploads = uploads
        self._store = store
        self._metrics = metrics
        self._followers: set[asyncio.Task[None]] = set()
        self._complaints: dict[Path, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look, take in, and look again, until stopped."""
        await self._taken.give_up_unbegun()
        while not await wait_for_stop(stop, self._poll_seconds):
            for look in self._looks:
                await self._round(look, stop)
        # the uploads that they wait for end with ingest
        await asyncio.gather(*self._followers)

    async def _round(self, look: Look, stop: asyncio.Event) -> None:
        folder, now = look.folder, asyncio.get_running_loop().time()
        try:
            ready = await asyncio.to_thread(look.complete, now)
        except OSError as error:
            self._complain(folder.path, f"the watched folder cannot be read: {error}")
            return
        self._complaints.pop(folder.path, None)
        for path, stamp in ready:
            # one place stays free for who uploads by hand
            if stop.is_set() or self._uploads.room <= (1 if self._uploads.places > 1 else 0):
                return
            problem = await asyncio.to_thread(_unusable, path)
            if problem is not None:
                self._complain(path, problem)
            else:
                await self._take(look, path, stamp)

    async def _take(self, look: Look, path: Path, stamp: Stamp) -> None:
        folder, session_id = look.folder, new_id()
        if not await self._taken.claim(path, stamp, session_id):
            look.done(path, stamp)
            return
        labels = folder.labels_of(path.name)
        if labels is None:
            log.warning("the name of a recording does not fit label_pattern", path=str(path))
        recording = Recording(
            file=ReceivedFile(path, path.name, stamp.size_bytes, is_spooled=False),
            name=path.name[:NAME_CHARACTERS],
            labels=dict(folder.labels) if labels is None else labels,
            voices=folder.voices,
            session_id=session_id,
        )
        try:
            await self._uploads.start(recording)
        except UnavailableError:
            await self._taken.give_up(path)
            return
        except TonewatchError as error:
            look.done(path, stamp)
            await self._refused(path, session_id, error.message)
            return
        except BaseException:
            await self._taken.give_up(path)
            raise
        look.done(path, stamp)
        self._metrics.count("folder_files_total", outcome="taken")
        follower = asyncio.create_task(self._follow(folder, path, session_id))
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def _refused(self, path: Path, session_id: str, reason: str) -> None:
        """A bad file is among the uploads, too: that is where people look."""
        log.warning("a file of a watched folder cannot be used", path=str(path), reason=reason)
        self._metrics.count("folder_files_total", outcome="refused")
        await self._store.add(
            Upload(
                session_id=session_id,
                name=path.name[:NAME_CHARACTERS],
                created_at=utc_now(),
                state=UploadState.FAILED,
                error=reason[:512],
            )
        )
        await self._taken.note_error(path, reason)

    async def _follow(self, folder: WatchedFolder, path: Path, session_id: str) -> None:
        try:
            upload = await self._uploads.ended(session_id)
            if upload.error is not None:
                await self._taken.note_error(path, upload.error)
                return
            try:
                await asyncio.to_thread(_put_away, folder, path, session_id)
            except OSError as error:
                reason = f"it was published, but {folder.after.value} failed: {error}"
                log.warning("a file stays in a watched folder", path=str(path), reason=reason)
                await self._taken.note_error(path, reason)
        except (SQLAlchemyError, TonewatchError) as error:
            log.error("a file of a watched folder is lost sight of", path=str(path), why=str(error))

    def _complain(self, path: Path, reason: str) -> None:
        """Say it once, not at every look."""
        if self._complaints.get(path) != reason:
            self._complaints[path] = reason
            log.warning("a watched folder has a problem", path=repr(str(path)), reason=reason)


def _unusable(path: Path) -> str | None:
    """Why a file cannot be taken now; that may change without the file's changing."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    if len(str(path)) > PATH_CHARACTERS:
        return f"its path is longer than {PATH_CHARACTERS} characters"
    try:
        path.open("rb").close()
    except OSError as error:
        return f"it cannot be read: {error.strerror}; ingest needs the right to"
    return None


def _put_away(folder: WatchedFolder, path: Path, session_id: str) -> None:
    if folder.after is After.DELETE:
        path.unlink(missing_ok=True)
    elif folder.destination is not None:
        folder.destination.mkdir(parents=True, exist_ok=True)
        target = folder.destination / path.name
        if target.exists():
            target = target.with_stem(f"{target.stem}-{session_id}")
        shutil.move(path, target)
