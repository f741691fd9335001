"""All sockets: how many there may be, whose they are, and their end when ingest stops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tonewatch.ingest.live import Fleet
from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.intake import STOPPED
from tonewatch.ingest.sessions import Sessions
from tonewatch.ingest.settings import IngestOptions
from tonewatch.ingest.sockets.call import PART_SECONDS, Call, Registry
from tonewatch.ingest.sockets.connection import Connection
from tonewatch.ingest.sockets.events import Decoder
from tonewatch.ingest.sockets.limits import ConnectRate
from tonewatch.ingest.sockets.patience import Patience
from tonewatch.ingest.sources import Source, SourceKind, SourceRepository, hash_key
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics

QUIET_SECONDS: Final = 1.0
"""Refusals come in floods; one line a second says it as well."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection is not taken, as an HTTP status and words."""

    status: int
    reason: str


class Hub(Registry):
    """Takes connections of every protocol."""

    def __init__(
        self,
        options: IngestOptions,
        repository: SourceRepository,
        fleet: Fleet,
        sessions: Sessions,
        metrics: Metrics,
    ) -> None:
        self._options = options
        self._repository = repository
        self._fleet = fleet
        self._sessions = sessions
        self._metrics = metrics
        self._rate = ConnectRate(options.socket_connects_per_second)
        self._calls: dict[Call, asyncio.Task[Any] | None] = {}
        self._is_stopping = False
        self._quiet_until = 0.0

    def refuse(self, address: str) -> Refusal | None:
        """Whether to take a connection at all; costs next to nothing, whatever comes."""
        now = asyncio.get_running_loop().time()
        if self._is_stopping:
            return Refusal(503, STOPPED)
        if not self._rate.admit(address, now):
            most = self._options.socket_connects_per_second
            return self._refused(429, "rate", f"more than {most:g} connects a second", address)
        if len(self._calls) >= self._options.socket_connections:
            most = self._options.socket_connections
            return self._refused(503, "number", f"{most} sockets are open, the limit", address)
        return None

    async def serve(self, connection: Connection, decoder: Decoder) -> None:
        """Take in what a connection brings, to its end."""
        options = self._options
        clock: Callable[[], float] = asyncio.get_running_loop().time
        patience = Patience(
            hello_seconds=options.hello_seconds,
            stall_seconds=options.stall_seconds,
            ahead_seconds=options.pull_ahead_seconds,
            now=clock,
        )
        call = Call(connection, decoder, self, self._sessions, patience)
        self._calls[call] = asyncio.current_task()
        self._metrics.set("socket_connections", len(self._calls))
        try:
            await call.serve()
        finally:
            del self._calls[call]
            self._metrics.set("socket_connections", len(self._calls))

    async def stop(self, reason: str = STOPPED) -> None:
        """Take nobody any more, and return when all sessions are ended."""
        self._is_stopping = True
        tasks = {task for task in self._calls.values() if task is not None}
        calls = list(self._calls)
        for call in calls:
            call.end(reason)
        await asyncio.gather(*(call.ended() for call in calls))
        if tasks:
            # their farewells are short, and nothing waits for them
            await asyncio.wait(tasks, timeout=PART_SECONDS)

    async def source(self, key: str, kind: SourceKind) -> Source | None:
        """The source with this key, if it is of this kind."""
        found = await self._repository.by_key_hash(hash_key(key))
        if found is None or found.kind is not kind:
            return None
        await self._fleet.refresh(found)
        return found

    def supervisor(self, source_id: str) -> CallsSupervisor | None:
        """Who keeps this source's calls."""
        return self._fleet.calls(source_id)

    def _refused(self, status: int, why: str, words: str, address: str) -> Refusal:
        self._metrics.count("socket_refusals_total", reason=why)
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("refuses sockets", address=address, reason=words)
        return Refusal(status, f"too many connections: {words}")
