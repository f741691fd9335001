"""Takes recordings in: the answer waits for the first audio, the rest goes on alone."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tonewatch.ingest.live.intake import ONE_CHANNEL, lacks_channels
from tonewatch.ingest.media import AudioProcess, file_argv
from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sessions import Session, Sessions
from tonewatch.ingest.sources import UPLOAD_SOURCE_ID, Voices
from tonewatch.ingest.uploads.backlog import Backlog
from tonewatch.ingest.uploads.form import ReceivedFile
from tonewatch.ingest.uploads.store import Upload, UploadState, UploadStore
from tonewatch.shared.broker import Broker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidInputError, TooLargeError, UnavailableError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger
from tonewatch.shared.messages import Lane

FIRST_AUDIO_SECONDS: Final = 30.0
NOTE_EVERY_FRAMES: Final = 32
CHUNK_MS: Final = 2000
COMPLETE: Final = "the recording was read to its end"
INTERRUPTED: Final = "ingest was stopped; upload the file again"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What is accepted."""

    max_seconds: float
    max_at_once: int


@dataclass(slots=True)
class _Job:
    """A recording that is being decoded."""

    upload: Upload
    voices: Voices
    process: AudioProcess
    session: Session
    first: bytes
    cleanup: AsyncExitStack


class Uploads:
    """All recordings that are being taken in."""

    def __init__(
        self,
        *,
        ffmpeg: str,
        limits: UploadLimits,
        store: UploadStore,
        sessions: Sessions,
        broker: Broker,
    ) -> None:
        self._ffmpeg = ffmpeg
        self._limits = limits
        self._store = store
        self._sessions = sessions
        self._broker = broker
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = 0

    async def open(self, spool_dir: Path) -> None:
        """Clear away what a killed ingest left behind."""
        await self._store.fail_unfinished(INTERRUPTED)
        await asyncio.to_thread(_clear, spool_dir)

    async def start(
        self,
        file: ReceivedFile,
        name: str,
        labels: dict[str, str],
        voices: Voices | None = None,
    ) -> Upload:
        """Begin to take a recording in; returns when its first audio was decoded.

        The file is removed in any case.

        Raises:
            InvalidInputError: it holds no audio that can be read.
            TooLargeError: it is too long.
            UnavailableError: too many recordings are being taken in.
        """
        async with AsyncExitStack() as stack:
            stack.callback(file.remove)
            self._check_room()
            self._starting += 1
            try:
                job = await self._begin(file, name, labels, voices or Voices(), stack)
            finally:
                self._starting -= 1
            task = asyncio.create_task(self._run(job), name=f"upload {job.upload.session_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job.upload

    async def stop(self) -> None:
        """End all; their files are gone, so they must be uploaded again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _check_room(self) -> None:
        if len(self._tasks) + self._starting >= self._limits.max_at_once:
            raise UnavailableError(
                f"{self._limits.max_at_once} recordings are being taken in already; try again soon"
            )

    async def _begin(
        self,
        file: ReceivedFile,
        name: str,
        labels: dict[str, str],
        voices: Voices,
        stack: AsyncExitStack,
    ) -> _Job:
        # a little more than the limit, so that a longer recording shows itself
        limit = timedelta(seconds=self._limits.max_seconds + 1)
        channels = len(voices.channels)
        argv = file_argv(self._ffmpeg, file.path, limit=limit, channels=channels)
        process = await stack.enter_async_context(AudioProcess.running(argv, channels))
        first = await self._first_audio(process, file.name)
        if lacks_channels(process, voices):
            raise InvalidInputError(f"channels: {file.name} cannot be split: {ONE_CHANNEL}")
        stated = process.stated_duration
        if stated is not None and stated.total_seconds() > self._limits.max_seconds:
            raise TooLargeError(
                f"{file.name} lasts {stated.total_seconds():.0f} s; "
                f"the limit is {self._limits.max_seconds:g} s"
            )
        info = SessionInfo(
            session_id=new_id(),
            source_id=UPLOAD_SOURCE_ID,
            name=name or file.name,
            kind="upload",
            labels=labels,
            started_at=utc_now(),
            lane=Lane.UPLOAD,
            speakers=voices.monitored,
        )
        upload = Upload(session_id=info.session_id, name=info.name, created_at=info.started_at)
        await self._store.add(upload)
        session = await self._sessions.open(info)
        return _Job(upload, voices, process, session, first, stack.pop_all())

    async def _first_audio(self, process: AudioProcess, name: str) -> bytes:
        try:
            async with asyncio.timeout(FIRST_AUDIO_SECONDS):
                first = await process.read(CHUNK_MS)
        except TimeoutError as error:
            raise InvalidInputError(f"{name}: no audio could be decoded in time") from error
        if not first:
            verdict = await process.verdict()
            raise InvalidInputError(f"{name} cannot be used: {verdict.reason}")
        return first

    async def _run(self, job: _Job) -> None:
        error: str | None = INTERRUPTED
        try:
            async with job.cleanup:
                error = await self._pump(job)
            job.session.end(error or COMPLETE)
            await job.session.outbox.done()
        except Exception as failure:
            log.exception("an upload failed", session_id=job.upload.session_id)
            error = f"internal error: {type(failure).__name__}"
        except asyncio.CancelledError:
            error = INTERRUPTED
            raise
        finally:
            job.session.end(error or COMPLETE)
            await self._note(job, error)

    async def _note(self, job: _Job, error: str | None) -> None:
        await self._store.update(
            job.upload.session_id,
            state=(UploadState.FAILED if error else UploadState.PUBLISHED).value,
            error=error,
            frames=job.session.frames,
            duration_seconds=job.session.seconds,
        )

    async def _pump(self, job: _Job) -> str | None:
        """Publish the whole recording; returns what was wrong with it."""
        backlog = Backlog(self._broker, job.session.outbox)
        chunk, noted = job.first, 0
        while chunk:
            for speaker, pcm in job.voices.split(chunk):
                job.session.feed(pcm, speaker)
            if job.session.seconds > self._limits.max_seconds:
                return f"it is longer than the limit of {self._limits.max_seconds:g} s"
            await backlog.wait()
            if job.session.frames >= noted + NOTE_EVERY_FRAMES:
                noted = job.session.frames
                await self._store.update(
                    job.upload.session_id, frames=noted, duration_seconds=job.session.seconds
                )
            chunk = await job.process.read(CHUNK_MS)
        verdict = await job.process.verdict()
        return None if verdict.complete else f"the file is damaged: {verdict.reason}"


def _clear(spool_dir: Path) -> None:
    for left in spool_dir.glob("*.upload"):
        left.unlink(missing_ok=True)
