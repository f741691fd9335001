"""All supervisors: one per live source, each by itself.

Where several replicas share the sources, those that could be taken in twice (pulled URLs, and what
nginx-rtmp has) wait here until this replica holds their lease; see `tonewatch.ingest.sharing`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tonewatch.ingest.live.calls import CallsSupervisor
from tonewatch.ingest.live.elsewhere import Elsewhere, combined
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

LEASED: Final = frozenset({SourceKind.PULL, SourceKind.RTMP})
"""Kinds of sources of which one replica takes in all there is."""
UNTAKEN: Final = "no replica has taken it up yet"
CHANGED: Final = "the source was changed"
KEY_CHANGED: Final = "the stream key was changed"


class Fleet:
    """Starts, finds and stops supervisors."""

    def __init__(self, tools: Tools, metrics: Metrics, replica: str | None = None) -> None:
        self.feed = Feed()
        self.sources: dict[str, Source] = {}
        self.elsewhere = Elsewhere(self._heard_elsewhere)
        self._replica = replica
        self._is_stopping = False
        self._tools = tools
        self._metrics = metrics
        self._supervisors: dict[str, Supervisor] = {}
        self._statuses: dict[str, Status] = {}

    def add(self, source: Source) -> None:
        """Put a source under supervision; it starts at once, unless it needs a lease."""
        if self._replica is not None and self.sources.get(source.id) == source:
            return  # already followed from the registry
        self._put(source)

    def _put(self, source: Source) -> None:
        self.sources[source.id] = source
        status = self._statuses.setdefault(source.id, self._new_status(source.id))
        if self._replica is None or source.kind not in LEASED:
            self._start(source)
        elif not status.history:
            status.reason = UNTAKEN

    def take(self, source_id: str) -> None:
        """Start a source: its lease is ours."""
        if not self._is_stopping:
            self._start(self.sources[source_id])

    async def yield_up(self, source_id: str, reason: str) -> None:
        """Stop a source whose lease is not ours, or is about to be somebody else's."""
        await self._stop(source_id, reason)
        if status := self._statuses.get(source_id):
            status.move(SourceState.IDLE, reason)
            status.replica = None
        self._count_states()

    def runs(self, source_id: str) -> bool:
        """Whether the source is under supervision here."""
        return source_id in self._supervisors

    @property
    def leased(self) -> set[str]:
        """Sources that one replica at a time may run."""
        return {each.id for each in self.sources.values() if each.kind in LEASED}

    async def refresh(self, source: Source) -> None:
        """Follow what another replica did to a source; nothing to do where there is one replica."""
        former = self.sources.get(source.id)
        if self._replica is None or former == source:
            return
        if former is None:
            self.add(source)
        elif replace(former, finished=None, key_hash=None) != replace(
            source, finished=None, key_hash=None
        ):
            await self.replace(source, CHANGED)
        else:
            self.sources[source.id] = source
            if former.key_hash != source.key_hash:
                await self.disconnect(source.id, KEY_CHANGED)

    def _start(self, source: Source) -> None:
        status = self._statuses[source.id]
        status.replica = self._replica
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
        """Begin anew with a source that was changed; its history goes on.

        One that needs a lease begins with the next look at the leases.
        """
        self.sources[source.id] = source
        await self._stop(source.id, reason)
        self._put(source)

    async def remove(self, source_id: str, reason: str) -> None:
        """Stop a source's supervisor and forget it."""
        self.sources.pop(source_id, None)
        await self._stop(source_id, reason)
        self._statuses.pop(source_id, None)
        self._count_states()

    async def stop(self, reason: str = STOPPED) -> None:
        """Stop all; their sessions end, and their ends wait to be published."""
        self._is_stopping = True
        await asyncio.gather(*(each.stop(reason) for each in self._supervisors.values()))

    def status(self, source_id: str) -> Status:
        """How a source is, whoever runs it."""
        status = self._statuses.get(source_id) or Status(source_id, lambda _: None)
        source, elsewhere = self.sources.get(source_id), self.elsewhere.status(source_id)
        if elsewhere is None or source is None:
            return status
        if source.kind in LEASED:
            return status if self.runs(source_id) else elsewhere
        return combined(status, elsewhere)

    def own_statuses(self) -> list[Status]:
        """How those sources are that have something going on here."""
        return [
            status
            for source_id, status in self._statuses.items()
            if source_id in self._supervisors
            and (self.sources[source_id].kind in LEASED or status.state is not SourceState.IDLE)
        ]

    async def disconnect_all(self, reason: str) -> None:
        """End all calls that came in here."""
        calls = [e for e in self._supervisors.values() if isinstance(e, CallsSupervisor)]
        await asyncio.gather(*(each.disconnect(reason) for each in calls))

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

    def _new_status(self, source_id: str) -> Status:
        return Status(source_id, self._observe, recount=self._publish)

    def _publish(self, status: Status) -> None:
        self.feed.publish(self.status(status.source_id))

    def _observe(self, status: Status) -> None:
        self._metrics.count("source_transitions_total", state=status.state.value)
        self._publish(status)
        self._count_states()

    def _heard_elsewhere(self, source_id: str) -> None:
        if source_id in self.sources and not self._is_busy(source_id):
            self.feed.publish(self.status(source_id))

    def _is_busy(self, source_id: str) -> bool:
        status = self._statuses.get(source_id)
        return self.runs(source_id) and status is not None and status.state is not SourceState.IDLE

    def _count_states(self) -> None:
        counted = Counter(status.state for status in self._live_statuses())
        for state in SourceState:
            self._metrics.set("sources", counted[state], state=state.value)

    def _live_statuses(self) -> Iterable[Status]:
        return (self._statuses[source_id] for source_id in self._supervisors)
