"""The supervisor of a pulled URL: connect, take in, wait, again; each connection is a session."""

import asyncio
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from tonewatch.ingest.guard import Way
from tonewatch.ingest.live.intake import STOPPED, Ending
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.supervisor import Attempt, Tools
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.media import require_protocol
from tonewatch.ingest.sources import Source, checked_url
from tonewatch.shared.errors import (
    ConfigurationError,
    ForbiddenAddressError,
    InvalidInputError,
    TonewatchError,
)
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger

KNOCK_AFTER_FAILURES: Final = 3
"""From then on a connection is tried first: an ffmpeg for every attempt at every dead source costs
what the living ones need, and a source that is back should still be heard within seconds."""

log = get_logger(__name__)


class PullSupervisor:
    """Keeps one pulled source going for as long as it exists."""

    def __init__(self, tools: Tools, source: Source, status: Status) -> None:
        self._tools = tools
        self._source = source
        self._status = status
        self._backoff = tools.backoff()
        self._failures = 0
        self._attempt: Attempt | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless the source is a recording that was read before."""
        if self._source.finished is not None:
            self._status.move(SourceState.ENDED, self._source.finished)
            return
        self._status.move(SourceState.CONNECTING)
        self._task = asyncio.create_task(self._run(), name=f"source {self._source.id}")

    async def stop(self, reason: str = STOPPED) -> None:
        """End the session that is open, and return when ffmpeg is gone."""
        if self._attempt is not None:
            self._attempt.say_why(reason)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            ending = await self._guarded()
            if ending is None:
                return
            if ending.recording:
                await self._tools.finished(self._source.id, "the recording was read to its end")
                self._status.move(SourceState.ENDED, "the recording was read to its end")
                return
            self._failures = 0 if ending.had_audio else self._failures + 1
            if ending.had_audio:
                self._backoff.reset()
            state = SourceState.STALLED if ending.stalled else SourceState.BACKOFF
            self._status.move(state, ending.reason)
            await asyncio.sleep(self._backoff.next_seconds(broken=ending.no_audio))

    async def _guarded(self) -> Ending | None:
        """One attempt; None if trying again makes no sense. Nothing escapes to other sources."""
        try:
            return await self._try()
        except (ForbiddenAddressError, ConfigurationError) as error:
            self._status.move(SourceState.FAILED, error.message)
            return None
        except TonewatchError as error:
            return Ending(error.message)
        except Exception as error:
            log.exception("the supervisor of a source failed", source_id=self._source.id)
            return Ending(f"internal error: {type(error).__name__}")

    async def _try(self) -> Ending:
        url = self._checked_url()
        await require_protocol(self._tools.ffmpeg, urlsplit(url).scheme)
        if self._failures >= KNOCK_AFTER_FAILURES:
            await self._tools.guard.knock(url)
        async with self._tools.guard.way(url) as way:
            self._attempt = Attempt(self._tools, self._source, self._status, new_id)
            return _explained(await self._attempt.run(way), way)

    def _checked_url(self) -> str:
        """What may be pulled can have changed since the source was added."""
        try:
            return checked_url(self._source.url or "", self._tools.options.pull_rules)
        except InvalidInputError as error:
            raise ConfigurationError(error.message) from error


def _explained(ending: Ending, way: Way) -> Ending:
    """The ending in the words of the guard, which knows better than ffmpeg what was refused.

    Raises:
        ForbiddenAddressError: an address was not allowed, and no audio came without it.
    """
    if ending.had_audio:
        if way.refusal is not None:
            log.warning("a part of a stream was refused", reason=way.refusal.message)
        return ending
    if way.refusal is not None:
        raise way.refusal
    if way.problem is not None:
        return replace(ending, reason=way.problem.message, no_audio=False)
    return ending
