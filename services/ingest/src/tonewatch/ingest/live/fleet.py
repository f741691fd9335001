"""All supervisors: one per live source, each by itself."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.feed import Feed
from tonewatch.ingest.live.intake import STOPPED
from tonewatch.ingest.live.pull import PullSupervisor
from tonewatch.ingest.live.push import Publish, PushSupervisor
from tonewatch.ingest.live.status import Status
from tonewatch.ingest.live.supervisor import Tools
from tonewatch.ingest.live.transitions import SourceState
from tonewatch.ingest.sources import Source, SourceKind
from tonewatch.shared.metrics import Metrics

Supervisor = PullSupervisor | PushSupervisor | CallsSupervisor


class Fleet:
    """Starts, finds and stops supervisors."""

    def __init__(self, tools: Tools, metrics: Metrics) -> None:
        self.feed = Feed()
        self._tools = tools
        self._metrics = metrics
        self._supervisors: dict[str, Supervisor] = {}
        self._statuses: dict[str, Status] = {}

    def add(self, source: Source) -> None:
        """Put a source under supervision; it starts at once."""
        status = self._statuses.setdefault(source.id, Status(source.id, self._observe))
        match source.kind:
            case SourceKind.PULL:
                self._supervisors[source.id] = PullSupervisor(self._tools, source, status)
            case SourceKind.RTMP:
                self._supervisors[source.id] = PushSupervisor(self._tools, source, status)
            case SourceKind.WEBSOCKET | SourceKind.AUDIOSOCKET:
                most = self._tools.options.socket_connections_per_source
                self._supervisors[source.id] = CallsSupervisor(source, status, most)
            case SourceKind.UPLOAD:
                return  # nothing runs by itself; its status stays idle
        self._supervisors[source.id].start()
        self._count_states()

    async def replace(self, source: Source, reason: str) -> None:
        """Begin anew with a source that was changed; its history goes on."""
        await self._stop(source.id, reason)
        self.add(source)

    async def remove(self, source_id: str, reason: str) -> None:
        """Stop a source's supervisor and forget it."""
        await self._stop(source_id, reason)
        self._statuses.pop(source_id, None)
        self._count_states()

    async def stop(self, reason: str = STOPPED) -> None:
        """Stop all; their sessions end, and their ends wait to be published."""
        await asyncio.gather(*(each.stop(reason) for each in self._supervisors.values()))

    def status(self, source_id: str) -> Status:
        """How a source is."""
        return self._statuses.get(source_id) or Status(source_id, lambda _: None)

    async def follow(self, publish: Publish) -> bool:
        """Take in what a publisher pushes; False if its source is gone."""
        supervisor = self._push(publish.source_id)
        if supervisor is None:
            return False
        await supervisor.follow(publish)
        return True

    def left(self, publish: Publish) -> None:
        """A publisher is gone."""
        if supervisor := self._push(publish.source_id):
            supervisor.left(publish.client_id)

    async def disconnect(self, source_id: str, reason: str) -> None:
        """End what is pushed to a source now."""
        supervisor = self._supervisors.get(source_id)
        if isinstance(supervisor, PushSupervisor | CallsSupervisor):
            await supervisor.disconnect(reason)

    def calls(self, source_id: str) -> CallsSupervisor | None:
        """The supervisor of a source to which sockets connect, if it is one."""
        supervisor = self._supervisors.get(source_id)
        return supervisor if isinstance(supervisor, CallsSupervisor) else None

    def _push(self, source_id: str) -> PushSupervisor | None:
        supervisor = self._supervisors.get(source_id)
        return supervisor if isinstance(supervisor, PushSupervisor) else None

    async def _stop(self, source_id: str, reason: str) -> None:
        supervisor = self._supervisors.pop(source_id, None)
        if supervisor is not None:
            await supervisor.stop(reason)

    def _observe(self, status: Status) -> None:
        self._metrics.count("source_transitions_total", state=status.state.value)
        self.feed.publish(status)
        self._count_states()

    def _count_states(self) -> None:
        counted = Counter(status.state for status in self._live_statuses())
        for state in SourceState:
            self._metrics.set("sources", counted[state], state=state.value)

    def _live_statuses(self) -> Iterable[Status]:
        return (self._statuses[source_id] for source_id in self._supervisors)
