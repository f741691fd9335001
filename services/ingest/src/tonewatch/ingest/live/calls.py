"""The supervisor of a source with many connections at once: each call comes by itself.

The source is live while one of its calls is; how many are is in its status. A call that ends is the
normal case, so nothing is tried again from here, and a new call counts as no reconnect. A call that
breaks off is a loss, and each call's clock is looked at: both make the quality of the source.
"""

import asyncio
from typing import Protocol

from tonewatch.ingest.live.drift import Drifts
from tonewatch.ingest.live.intake import STOPPED
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.sources import Source
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import UnavailableError


class OpenCall(Protocol):
    """A connection that feeds a session of its own."""

    def end(self, reason: str) -> None:
        """End it soon."""
        ...

    async def ended(self) -> None:
        """Wait until its session is ended."""
        ...


class CallsSupervisor:
    """Knows the calls of one source."""

    def __init__(self, source: Source, status: Status, most: int) -> None:
        self._source = source
        self._status = status
        self._most = most
        self._calls: set[OpenCall] = set()
        self._sessions: list[str] = []
        self._closed_by: str | None = None
        self._drifts = Drifts()
        status.drift = self._drifts

    def start(self) -> None:
        """Nothing to do before somebody connects."""
        without_key = self._source.key_hash is None
        self._status.move(SourceState.IDLE, "it has no stream key yet" if without_key else None)

    def join(self, call: OpenCall) -> None:
        """A connection has the source's key.

        Raises:
            UnavailableError: there are too many, or the source takes no more.
        """
        if self._closed_by is not None:
            raise UnavailableError(self._closed_by)
        if len(self._calls) >= self._most:
            raise UnavailableError(
                f"source {self._source.name} has {self._most} connections, which is the limit"
            )
        self._calls.add(call)
        if not self._sessions:
            self._status.move(SourceState.CONNECTING)

    def began(self, session_id: str) -> None:
        """The audio of a call comes in."""
        self._sessions.append(session_id)
        self._show(SourceState.LIVE)

    def heard(self, call: OpenCall, audio_seconds: float) -> None:
        """So much audio of a call came in so far."""
        self._drifts.heard(call, audio_seconds, asyncio.get_running_loop().time())

    def leave(
        self, call: OpenCall, session_id: str | None, reason: str, *, lost: bool = False
    ) -> None:
        """A call is over; the last one leaves its reason behind. `lost`: nobody meant it to be."""
        self._calls.discard(call)
        self._drifts.ended(call)
        if session_id in self._sessions:
            self._sessions.remove(session_id)
            if lost:
                self._status.lost_calls.append(utc_now())
        if self._sessions:
            self._show(SourceState.LIVE)
        else:
            self._show(SourceState.CONNECTING if self._calls else SourceState.IDLE, reason)

    async def stop(self, reason: str = STOPPED) -> None:
        """End all calls, let nobody in, and return when all sessions are ended."""
        self._closed_by = reason
        await self.disconnect(reason)

    async def disconnect(self, reason: str) -> None:
        """End the calls of those who are no longer welcome."""
        calls = list(self._calls)
        for call in calls:
            call.end(reason)
        await asyncio.gather(*(call.ended() for call in calls))

    def _show(self, state: SourceState, reason: str | None = None) -> None:
        """Tell state and number together: who watches gets one event of both."""
        before, now = self._status.open_sessions, len(self._sessions)
        self._status.open_sessions = now
        self._status.session_id = self._sessions[-1] if self._sessions else None
        if not self._status.move(state, reason) and now != before:
            self._status.recount(self._status)
