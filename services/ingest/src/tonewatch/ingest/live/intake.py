"""One run of ffmpeg and the session it feeds, judged by the bytes that arrive.

Time is what was heard: the samples that came, counted. Timestamps say nothing here, for encoders
set them anew, and jump by hours either way, while the sound goes on. So a jump makes no silence,
waits for nothing, and ends nothing; audio that does not come is a stall, whatever its stamp said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tonewatch.ingest.media import AudioProcess, Pump
from tonewatch.ingest.sessions import Session
from tonewatch.ingest.sources import Voices

STOPPED: Final = "ingest was stopped"
FIRST_MS: Final = 100
"""So soon is a stream known to be live. Then whole seconds are read: each wakes us once."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended; see `Verdict`. `recording` says that the input was a file, now read."""

    reason: str
    had_audio: bool = False
    stalled: bool = False
    no_audio: bool = False
    recording: bool = False


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """How long to wait for audio, and how far it may run ahead of real time."""

    stall_seconds: float
    ahead_seconds: float


class Intake:
    """Reads one stream until it ends, stalls or is cancelled.

    `heard` is told how much audio came in so far. `end_reason` is what the session's end says when
    the run is cancelled; whoever cancels sets it.
    """

    def __init__(
        self,
        options: IntakeOptions,
        pump: Pump,
        voices: Voices,
        open_session: Callable[[], Awaitable[Session]],
        heard: Callable[[float], None],
    ) -> None:
        self._options = options
        self._pump = pump
        self._voices = voices
        self._open_session = open_session
        self._heard = heard
        self._session: Session | None = None
        self.end_reason = STOPPED

    async def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        files: Sequence[int] = (),
    ) -> Ending:
        """Run ffmpeg; the session begins with the first audio and ends with this call."""
        channels = len(self._voices.channels)
        try:
            async with AudioProcess.running(
                argv, channels, pump=self._pump, environment=environment, files=files
            ) as process:
                ending = await self._until_end(process)
            self.end_reason = ending.reason
            return ending
        finally:
            if self._session is not None:
                self._session.end(self.end_reason)

    async def _until_end(self, process: AudioProcess) -> Ending:
        try:
            return await self._read(process)
        except asyncio.CancelledError:
            if self._session is not None:
                self._feed(self._session, process.rest())
            raise

    async def _read(self, process: AudioProcess) -> Ending:
        loop = asyncio.get_running_loop()
        began, wanted_ms = loop.time(), FIRST_MS
        while True:
            try:
                chunk = await process.read(wanted_ms, self._options.stall_seconds)
            except TimeoutError:
                return self._stalled(process.rest())
            if not chunk:
                return await self._ended(process)
            if self._session is None:
                began = loop.time()
                self._session = await self._open_session()
                wanted_ms = 1000 - FIRST_MS
            else:
                wanted_ms = 1000
            self._feed(self._session, chunk)
            self._heard(self._session.seconds)
            await self._pace(self._session.seconds - (loop.time() - began))

    async def _pace(self, ahead_seconds: float) -> None:
        """Hold back what comes faster than real time (a file behind a URL), beyond an allowance."""
        if ahead_seconds > self._options.ahead_seconds:
            await asyncio.sleep(ahead_seconds - self._options.ahead_seconds)

    def _feed(self, session: Session, pcm: bytes) -> None:
        for speaker, part in self._voices.split(pcm):
            session.feed(part, speaker)

    def _stalled(self, rest: bytes) -> Ending:
        seconds = self._options.stall_seconds
        if self._session is not None:
            self._feed(self._session, rest)
        else:
            return Ending(f"connected, but no audio came within {seconds:g} s", stalled=True)
        return Ending(f"no audio for {seconds:g} s", had_audio=True, stalled=True)

    async def _ended(self, process: AudioProcess) -> Ending:
        verdict = await process.verdict()
        return Ending(
            verdict.reason,
            had_audio=process.had_audio,
            no_audio=verdict.no_audio,
            recording=verdict.complete and process.stated_duration is not None,
        )
