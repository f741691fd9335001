"""The supervisor of an RTMP source: encoders push to nginx-rtmp, ingest pulls from there.

nginx-rtmp asks before it takes a publisher. The answer renames the stream to a fresh session id, so
the key never appears in a play URL, and the same key published again is a new stream.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tonewatch.ingest.guard import direct
from tonewatch.ingest.live.intake import STOPPED, Ending
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.supervisor import Attempt, Tools
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.sources import Source
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import get_logger

LINGER_SECONDS: Final = 2.0
"""After the publisher left, ffmpeg may still hold the last audio."""
SILENT_SECONDS: Final = 15.0
"""nginx-rtmp reports each publisher every 3 s; one that it does not report is gone."""
LEFT: Final = "the publisher left"
REPLACED: Final = "a new publisher took the stream key over"

log = get_logger(__name__)


@dataclass(slots=True)
class Publish:
    """An encoder that pushes now: the connection at nginx-rtmp, and its renamed stream."""

    client_id: str
    source_id: str
    stream: str
    since: datetime
    seen_at: datetime
    present: bool = True
    labels: dict[str, str] = field(default_factory=dict)
    """What the encoder set in its query, as far as the source permits."""
    reported: bool = True
    """The RTMP server tells every few seconds that the publisher is still there."""
    resumed: bool = False
    """Taken up after a restart of ingest: the stream's name was a session's id before."""


class PushSupervisor:
    """Follows whoever publishes with the source's key; the newest publisher wins."""

    def __init__(self, tools: Tools, source: Source, status: Status) -> None:
        self._tools = tools
        self._source = source
        self._status = status
        self._publish: Publish | None = None
        self._attempt: Attempt | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Nothing to do before somebody publishes."""
        without_key = self._source.key_hash is None
        self._status.move(SourceState.IDLE, "it has no stream key yet" if without_key else None)

    async def stop(self, reason: str = STOPPED) -> None:
        """End the session that is open, and return when ffmpeg is gone."""
        task, self._task, self._publish = self._task, None, None
        if self._attempt is not None:
            self._attempt.say_why(reason)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def follow(self, publish: Publish) -> None:
        """A publisher was accepted: end the former one's session and take this one in."""
        await self.stop(REPLACED)
        self._publish = publish
        self._task = asyncio.create_task(self._run(publish), name=f"source {self._source.id}")

    def left(self, client_id: str) -> None:
        """A publisher is gone; the session ends when its last audio was read."""
        publish = self._publish
        if publish is None or publish.client_id != client_id:
            return
        publish.present = False
        if self._attempt is not None:
            self._attempt.say_why(LEFT)
        if self._task is not None:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._task.cancel)

    async def disconnect(self, reason: str) -> None:
        """End the session of a publisher that is no longer welcome."""
        await self.stop(reason)
        self._status.move(SourceState.IDLE, reason)

    async def _run(self, publish: Publish) -> None:
        backoff = self._tools.backoff()
        try:
            while not self._has_left(publish):
                ending = await self._guarded(publish)
                if self._has_left(publish):
                    break
                if ending.had_audio:
                    backoff.reset()
                    publish.seen_at = publish.seen_at if publish.reported else utc_now()
                state = SourceState.STALLED if ending.stalled else SourceState.BACKOFF
                self._status.move(state, ending.reason)
                await asyncio.sleep(backoff.next_seconds(broken=ending.no_audio))
        finally:
            if self._publish is publish:
                self._publish = None
                self._status.move(SourceState.IDLE, LEFT)

    def _has_left(self, publish: Publish) -> bool:
        silent_seconds = (utc_now() - publish.seen_at).total_seconds()
        return not publish.present or silent_seconds > SILENT_SECONDS

    async def _guarded(self, publish: Publish) -> Ending:
        def choose_id() -> str:
            """The stream's own name for its first session, a fresh id for every later one."""
            first, publish.resumed = publish.reported and not publish.resumed, True
            return publish.stream if first else new_id()

        self._attempt = Attempt(self._tools, self._source, self._status, choose_id, publish.labels)
        base = self._tools.options.rtmp_play_base
        url = f"{base}/{publish.stream}?token={self._tools.play_token}"
        try:
            return await self._attempt.run(direct(url))
        except TonewatchError as error:
            return Ending(error.message)
        except Exception as error:
            log.exception("the supervisor of a source failed", source_id=self._source.id)
            return Ending(f"internal error: {type(error).__name__}")
