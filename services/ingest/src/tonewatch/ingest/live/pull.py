"""The supervisor of a pulled URL: connect, take in, wait, again; each connection is a session."""

import asyncio
from urllib.parse import urlsplit

from tonewatch.ingest.live.intake import STOPPED, Ending
from tonewatch.ingest.live.status import SourceState, Status
from tonewatch.ingest.live.supervisor import Attempt, Tools
from tonewatch.ingest.sources import Source
from tonewatch.shared.egress import resolve
from tonewatch.shared.errors import (
    ConfigurationError,
    ForbiddenAddressError,
    InvalidInputError,
    TonewatchError,
)
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger

DEFAULT_PORTS = {"http": 80, "https": 443, "rtmp": 1935, "rtmps": 443}

log = get_logger(__name__)


class PullSupervisor:
    """Keeps one pulled source going for as long as it exists."""

    def __init__(self, tools: Tools, source: Source, status: Status) -> None:
        self._tools = tools
        self._source = source
        self._status = status
        self._backoff = tools.backoff()
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
        url = self._source.url
        if url is None:
            raise InvalidInputError("the source has no URL")
        await self._check_address(url)
        self._attempt = Attempt(self._tools, self._source, self._status, new_id)
        return await self._attempt.run(url)

    async def _check_address(self, url: str) -> None:
        """Refuse addresses that the operator has not allowed.

        ffmpeg resolves the name again by itself and follows redirects and playlists, so this stops
        mistakes and plain misuse, but not a hostile name server; the network has to do that.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or DEFAULT_PORTS[parts.scheme.lower()]
        self._tools.options.egress.check(host, await resolve(host, port))
