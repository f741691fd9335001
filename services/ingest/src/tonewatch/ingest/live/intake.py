"""One run of ffmpeg and the session it feeds, judged by the bytes that arrive."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tonewatch.ingest.media import AudioProcess
from tonewatch.ingest.sessions import Session

STOPPED: Final = "ingest was stopped"


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

    `end_reason` is what the session's end says when the run is cancelled; whoever cancels sets it.
    """

    def __init__(
        self, options: IntakeOptions, open_session: Callable[[], Awaitable[Session]]
    ) -> None:
        self._options = options
        self._open_session = open_session
        self._session: Session | None = None
        self.end_reason = STOPPED

    async def run(self, argv: Sequence[str]) -> Ending:
        """Run ffmpeg; the session begins with the first audio and ends with this call."""
        try:
            async with AudioProcess.running(argv) as process:
                ending = await self._read(process)
            self.end_reason = ending.reason
            return ending
        finally:
            if self._session is not None:
                self._session.end(self.end_reason)

    async def _read(self, process: AudioProcess) -> Ending:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                async with asyncio.timeout(self._options.stall_seconds):
                    chunk = await process.read()
            except TimeoutError:
                return self._stalled()
            if not chunk:
                return await self._ended(process)
            if self._session is None:
                began = loop.time()
                self._session = await self._open_session()
            self._session.feed(chunk)
            await self._pace(self._session.seconds - (loop.time() - began))

    async def _pace(self, ahead_seconds: float) -> None:
        """Hold back what comes faster than real time (a file behind a URL), beyond an allowance."""
        if ahead_seconds > self._options.ahead_seconds:
            await asyncio.sleep(ahead_seconds - self._options.ahead_seconds)

    def _stalled(self) -> Ending:
        seconds = self._options.stall_seconds
        if self._session is None:
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
