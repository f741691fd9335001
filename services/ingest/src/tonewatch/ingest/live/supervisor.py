"""What supervisors of all kinds share: their source, its status, and one attempt at its audio."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tonewatch.ingest.guard import Guard, Way
from tonewatch.ingest.live.backoff import Backoff
from tonewatch.ingest.live.drift import Drift
from tonewatch.ingest.live.intake import Ending, Intake, IntakeOptions
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.media import Pump, pull_argv
from tonewatch.ingest.publishing import SessionInfo
from tonewatch.ingest.sessions import Session, Sessions
from tonewatch.ingest.settings import IngestOptions
from tonewatch.ingest.sources import Source
from tonewatch.shared.clock import utc_now


@dataclass(frozen=True, slots=True)
class Tools:
    """What every supervisor works with."""

    options: IngestOptions
    ffmpeg: str
    sessions: Sessions
    play_token: str
    finished: Callable[[str, str], Awaitable[None]]
    """Notes durably that a source's recording was read to its end, and how."""
    guard: Guard
    pump: Pump

    def backoff(self) -> Backoff:
        """Pauses as the operator set them."""
        return Backoff(
            cap_seconds=self.options.retry_max_seconds,
            broken_cap_seconds=self.options.retry_broken_seconds,
        )


class Attempt:
    """One attempt to take in a stream: a run of ffmpeg, and at most one session."""

    def __init__(
        self,
        tools: Tools,
        source: Source,
        status: Status,
        choose_id: Callable[[], str],
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._tools = tools
        self._source = source
        self._status = status
        self._choose_id = choose_id
        self._drift = Drift()
        self._labels = source.labels | dict(labels or {})
        options = tools.options
        self._intake = Intake(
            IntakeOptions(options.stall_seconds, options.pull_ahead_seconds),
            tools.pump,
            source.voices,
            self._open,
            self._heard,
        )

    def say_why(self, reason: str) -> None:
        """What the session's end will say if the attempt is cancelled now."""
        self._intake.end_reason = reason

    async def run(self, way: Way) -> Ending:
        """Pull until it ends; the status follows."""
        self._status.move(SourceState.CONNECTING, self._status.reason)
        # far beyond our own watch, so that who falls silent is always told as such, whoever is busy
        timeout = timedelta(seconds=2 * self._tools.options.stall_seconds)
        try:
            argv = pull_argv(
                self._tools.ffmpeg,
                way.url,
                io_timeout=timeout,
                channels=len(self._source.voices.channels),
                scheme=way.scheme,
                extra=way.options,
            )
            return await self._intake.run(argv, way.environment, way.files)
        finally:
            self._status.ended()

    async def _open(self) -> Session:
        info = SessionInfo(
            session_id=self._choose_id(),
            source_id=self._source.id,
            name=self._source.name,
            kind=self._source.kind.value,
            labels=self._labels,
            started_at=utc_now(),
            speakers=self._source.voices.monitored,
        )
        session = await self._tools.sessions.open(info)
        self._status.began(info.session_id, self._drift)
        return session

    def _heard(self, audio_seconds: float) -> None:
        self._drift.heard(audio_seconds, asyncio.get_running_loop().time())
