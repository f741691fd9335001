"""Takes recordings in: the answer waits for the first audio, the rest goes on alone."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tonewatch.ingest.sessions import Sessions
from tonewatch.ingest.uploads.backlog import Backlog
from tonewatch.ingest.uploads.opening import Decoding, Job, Opener, Recording
from tonewatch.ingest.uploads.store import Upload, UploadState, UploadStore
from tonewatch.shared.broker import Broker
from tonewatch.shared.errors import ConflictError, NotFoundError, UnavailableError
from tonewatch.shared.logging import get_logger

NOTE_EVERY_SECONDS: Final = 0.5
CHUNK_MS: Final = 2000
"""Heard on the loop, some 2 ms of work; a thread was no quicker: both want the interpreter."""
COMPLETE: Final = "the recording was read to its end"
INTERRUPTED: Final = "ingest was stopped; upload the file again"
CANCELLED: Final = "the upload was cancelled"
STOPPING: Final = "ingest is being stopped; try again soon"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What is accepted."""

    max_seconds: float
    max_at_once: int


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
        self._opener = Opener(ffmpeg, limits.max_seconds, store, sessions)
        self._limits = limits
        self._store = store
        self._broker = broker
        self._jobs: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._starting = 0
        self._started = asyncio.Event()
        """Set whenever a start is over."""
        self._decodings: set[asyncio.Task[Decoding]] = set()
        self._stopping = False

    @property
    def places(self) -> int:
        """How many recordings may be taken in at the same time."""
        return self._limits.max_at_once

    @property
    def room(self) -> int:
        """How many more recordings may be taken in now."""
        return self._limits.max_at_once - len(self._jobs) - self._starting

    async def open(self, spool_dir: Path) -> None:
        """Clear away what a killed ingest left behind."""
        await self._store.fail_unfinished(INTERRUPTED)
        await asyncio.to_thread(_clear, spool_dir)

    async def start(self, recording: Recording) -> Upload:
        """Begin to take a recording in; returns when its first audio was decoded.

        The spooled file is removed in any case.

        Raises:
            InvalidInputError: it holds no audio that can be read.
            TooLargeError: it is too long.
            UnavailableError: too many recordings are being taken in, or ingest is being stopped.
        """
        async with AsyncExitStack() as stack:
            stack.callback(recording.file.remove)
            if self._stopping:
                raise UnavailableError(STOPPING)
            if self.room <= 0:
                raise UnavailableError(
                    f"{self._limits.max_at_once} recordings are being taken in already;"
                    " try again soon"
                )
            self._starting += 1
            try:
                decoding = await self._decode(recording, stack)
                return self._go_on(await self._opener.begin(recording, decoding, stack))
            finally:
                self._starting -= 1
                self._started.set()

    async def cancel(self, session_id: str) -> Upload:
        """End a recording that is being taken in; what was published of it is scored.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: it is over already.
        """
        job, task = self._jobs.get(session_id, (None, None))
        if job is None or task is None:
            state = (await self.get(session_id)).state.value
            raise ConflictError(f"upload {session_id} is {state}: nothing is left to cancel")
        if job.is_read:
            raise ConflictError(
                f"upload {session_id} was read to its end: nothing is left to cancel"
            )
        job.cancelled = True
        await _end([(job, task)])
        return await self.get(session_id)

    async def get(self, session_id: str) -> Upload:
        """How far a recording is.

        Raises:
            NotFoundError: there is no such upload.
        """
        found = await self._store.get(session_id)
        if found is None:
            raise NotFoundError(f"there is no upload {session_id}")
        return self._up_to_date(found)

    async def latest(self, limit: int, before: str | None = None) -> list[Upload]:
        """The newest recordings, newest first; see `UploadStore.latest`."""
        return [self._up_to_date(each) for each in await self._store.latest(limit, before)]

    async def ended(self, session_id: str) -> Upload:
        """Wait until a recording is not being taken in any more; returns what became of it."""
        _, task = self._jobs.get(session_id, (None, None))
        if task is not None:
            await asyncio.wait({task})
        return await self.get(session_id)

    async def stop(self) -> None:
        """End all, and those that just begin; their files are gone, so they must be sent again.

        Nothing of them is left to be published after it.
        """
        self._stopping = True
        for decoding in self._decodings:
            decoding.cancel()
        while self._starting:
            self._started.clear()
            await self._started.wait()
        await _end(list(self._jobs.values()))

    async def abandon(self) -> None:
        """End them though not all was published: the broker was away until the end."""
        await _end(list(self._jobs.values()), even_read=True)

    async def _decode(self, recording: Recording, stack: AsyncExitStack) -> Decoding:
        """The first audio; ffmpeg may be long about it, and is not waited for by who stops."""
        decoding = asyncio.create_task(self._opener.decode(recording, stack))
        self._decodings.add(decoding)
        decoding.add_done_callback(self._decodings.discard)
        # if we are cancelled, so is it, and waited for
        await asyncio.gather(decoding, return_exceptions=True)
        if self._stopping:
            raise UnavailableError(STOPPING)
        return decoding.result()

    def _go_on(self, job: Job) -> Upload:
        session_id = job.upload.session_id
        task = asyncio.create_task(self._run(job), name=f"upload {session_id}")
        self._jobs[session_id] = job, task
        task.add_done_callback(lambda _: self._jobs.pop(session_id))
        return job.upload

    def _up_to_date(self, upload: Upload) -> Upload:
        """What the database is told only from time to time."""
        job, _ = self._jobs.get(upload.session_id, (None, None))
        if job is None or upload.state is not UploadState.PUBLISHING:
            return upload
        session = job.session
        return replace(upload, frames=session.frames, duration_seconds=session.seconds)

    async def _run(self, job: Job) -> None:
        error: str | None = INTERRUPTED
        try:
            async with job.cleanup:
                error = await self._pump(job)
            job.is_read = True
            job.session.end(error or COMPLETE)
            await job.session.outbox.done()
        except Exception as failure:
            log.exception("an upload failed", session_id=job.upload.session_id)
            error = f"internal error: {type(failure).__name__}"
        except asyncio.CancelledError:
            error = CANCELLED if job.cancelled else INTERRUPTED
            raise
        finally:
            job.is_read = True
            job.session.end(error or COMPLETE)
            await self._note(job, error)

    async def _note(self, job: Job, error: str | None) -> None:
        state = UploadState.FAILED if error else UploadState.PUBLISHED
        if job.cancelled:
            state = UploadState.CANCELLED
        await self._store.update(
            job.upload.session_id,
            state=state.value,
            error=error,
            frames=job.session.frames,
            duration_seconds=job.session.seconds,
        )

    async def _pump(self, job: Job) -> str | None:
        """Publish the whole recording; returns what was wrong with it."""

        def is_over() -> bool:
            return job.cancelled or self._stopping

        backlog = Backlog(self._broker, job.session.outbox, is_over)
        clock = asyncio.get_running_loop().time
        chunk, noted = job.first, clock()
        while chunk:
            # asked here too: it may just have been begun when all were ended, and `wait_for` of
            # Python before 3.12 loses a cancellation that comes with the answer it waits for
            if is_over():
                return CANCELLED if job.cancelled else INTERRUPTED
            for speaker, pcm in job.voices.split(chunk):
                job.session.feed(pcm, speaker)
            if job.session.seconds > self._limits.max_seconds:
                return f"it is longer than the limit of {self._limits.max_seconds:g} s"
            await backlog.wait()
            if clock() >= noted + NOTE_EVERY_SECONDS:
                noted = clock()
                await self._store.update(
                    job.upload.session_id,
                    frames=job.session.frames,
                    duration_seconds=job.session.seconds,
                )
            chunk = await job.process.read(CHUNK_MS)
        verdict = await job.process.verdict()
        return None if verdict.complete else f"the file is damaged: {verdict.reason}"


async def _end(jobs: Sequence[tuple[Job, asyncio.Task[None]]], *, even_read: bool = False) -> None:
    """Cancel those not yet read to their end, and wait until the end of each is written down.

    `even_read` cancels those, too, that only wait for the broker to take what was read.
    """
    for job, task in jobs:
        if even_read or not job.is_read:
            task.cancel()
    if jobs:
        await asyncio.wait([task for _, task in jobs])


def _clear(spool_dir: Path) -> None:
    for left in spool_dir.glob("*.upload"):
        left.unlink(missing_ok=True)
