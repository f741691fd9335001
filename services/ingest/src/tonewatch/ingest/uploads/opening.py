"""Begins a recording: ffmpeg has decoded its first audio, and its session is open.

What cannot be used shows here, before anything of it is published.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tonewatch.ingest.media import AudioProcess, file_argv
from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sessions import Session, Sessions
from tonewatch.ingest.sources import UPLOAD_SOURCE_ID, Voices
from tonewatch.ingest.uploads.form import ReceivedFile
from tonewatch.ingest.uploads.store import Upload, UploadStore
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import InvalidInputError, TooLargeError
from tonewatch.shared.ids import new_id
from tonewatch.shared.messages import Lane

FIRST_AUDIO_SECONDS: Final = 30.0
FIRST_CHUNK_MS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file to take in, and what is known of it."""

    file: ReceivedFile
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    voices: Voices = field(default_factory=Voices)
    session_id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Decoding:
    """An ffmpeg that has given its first audio."""

    process: AudioProcess
    first: bytes
    stated_seconds: float | None


@dataclass(slots=True)
class Job:
    """A recording that is being decoded, and its open session."""

    upload: Upload
    voices: Voices
    process: AudioProcess
    session: Session
    first: bytes
    cleanup: AsyncExitStack
    cancelled: bool = False
    """Somebody asked for its end."""
    is_read: bool = False
    """Nothing is left to cancel."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Makes jobs of recordings."""

    ffmpeg: str
    max_seconds: float
    store: UploadStore
    sessions: Sessions

    async def decode(self, recording: Recording, stack: AsyncExitStack) -> Decoding:
        """Start ffmpeg, which the stack ends, and wait for the first audio.

        Raises:
            InvalidInputError: it holds no audio that can be read.
            TooLargeError: it is too long.
        """
        name, channels = recording.file.name, len(recording.voices.channels)
        # a little more than the limit, so that a longer recording shows itself
        limit = timedelta(seconds=self.max_seconds + 1)
        argv = file_argv(self.ffmpeg, recording.file.path, limit=limit, channels=channels)
        process = await stack.enter_async_context(AudioProcess.running(argv, channels))
        first = await _first_audio(process, name)
        stated = process.stated_duration
        stated_seconds = None if stated is None else stated.total_seconds()
        if stated_seconds is not None and stated_seconds > self.max_seconds:
            raise TooLargeError(
                f"{name} lasts {stated_seconds:.0f} s; the limit is {self.max_seconds:g} s"
            )
        return Decoding(process, first, stated_seconds)

    async def begin(self, recording: Recording, decoding: Decoding, stack: AsyncExitStack) -> Job:
        """Note the upload and open its session; what the stack holds goes on to the job."""
        voices = recording.voices
        info = SessionInfo(
            session_id=recording.session_id,
            source_id=UPLOAD_SOURCE_ID,
            name=recording.name or recording.file.name,
            kind="upload",
            labels=recording.labels,
            started_at=utc_now(),
            lane=Lane.UPLOAD,
            speakers=voices.monitored,
        )
        upload = Upload(
            session_id=info.session_id,
            name=info.name,
            created_at=info.started_at,
            stated_seconds=decoding.stated_seconds,
        )
        await self.store.add(upload)
        session = await self.sessions.open(info)
        return Job(upload, voices, decoding.process, session, decoding.first, stack.pop_all())


async def _first_audio(process: AudioProcess, name: str) -> bytes:
    try:
        async with asyncio.timeout(FIRST_AUDIO_SECONDS):
            first = await process.read(FIRST_CHUNK_MS)
    except TimeoutError as error:
        raise InvalidInputError(f"{name}: no audio could be decoded in time") from error
    if not first:
        verdict = await process.verdict()
        raise InvalidInputError(f"{name} cannot be used: {verdict.reason}")
    return first
