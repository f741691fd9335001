"""The broker's twin in memory: same semantics, same tests, no server.

Its clock is injectable, so tests of claims, retention and ages run in virtual time.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from tonewatch.shared.broker._model import (
    Delivery,
    Entry,
    GroupState,
    Outcome,
    Outgoing,
    TailEntry,
)
from tonewatch.shared.broker._settle import additions, state_key
from tonewatch.shared.broker._trim import EntryId, cut_at, format_id, parse_id
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.clock import now_ms
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.streams import Stream, partition_of

_T = TypeVar("_T")


@dataclass(slots=True)
class _Pending:
    consumer: str
    delivered_ms: int
    deliveries: int = 1


@dataclass(slots=True)
class _Group:
    last_delivered: EntryId = (0, 0)
    pending: dict[EntryId, _Pending] = field(default_factory=dict)


@dataclass(slots=True)
class _Log:
    """One stream key: its entries in order, and its groups."""

    ids: list[EntryId] = field(default_factory=list)
    fields: dict[EntryId, Mapping[str, bytes]] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)
    last_id: EntryId = (0, 0)

    def append(self, fields: Mapping[str, bytes], now_ms: int) -> EntryId:
        newest = self.last_id
        entry_id = (now_ms, 0) if now_ms > newest[0] else (newest[0], newest[1] + 1)
        self.last_id = entry_id
        insort(self.ids, entry_id)
        self.fields[entry_id] = fields
        return entry_id

    def after(self, position: EntryId, count: int) -> list[EntryId]:
        start = bisect_right(self.ids, position)
        return self.ids[start : start + count]

    def entry(self, entry_id: EntryId) -> Entry:
        return Entry(format_id(entry_id), self.fields[entry_id])

    def cut(self, bound: EntryId) -> int:
        end = bisect_left(self.ids, bound)
        for entry_id in self.ids[:end]:
            del self.fields[entry_id]
        del self.ids[:end]
        return end


class MemoryBroker:
    """A `Broker` that lives in this process; `available = False` simulates an outage."""

    def __init__(self, *, partitions: int = 16, clock_ms: Callable[[], int] = now_ms) -> None:
        self.partitions = partitions
        self.available = True
        self._clock_ms = clock_ms
        self._logs: dict[str, _Log] = {}
        self._state: dict[str, tuple[bytes, int]] = {}
        self._arrived = asyncio.Event()

    async def setup(self, streams: Iterable[Stream]) -> None:
        """Create the streams' groups, from the beginning of each stream."""
        self._check()
        for stream in streams:
            for partition in range(self.partitions):
                for group in stream.groups:
                    self._log(stream, partition).groups.setdefault(group, _Group())

    async def publish(self, messages: Sequence[Outgoing]) -> list[str]:
        """Append messages; returns their entry ids."""
        self._check()
        ids = []
        for outgoing in messages:
            partition = partition_of(outgoing.message.partition_key, self.partitions)
            ids.append(self._add(outgoing.stream.key(partition), encode(outgoing)))
        return ids

    async def read(
        self,
        streams: Sequence[Stream],
        group: str,
        consumer: str,
        *,
        count: int,
        block: timedelta | None = None,
        partitions: Sequence[int] | None = None,
    ) -> list[Delivery]:
        """New entries for this consumer."""
        chosen = range(self.partitions) if partitions is None else partitions

        def take() -> list[Delivery]:
            return [
                Delivery(stream, partition, group, entry)
                for stream in streams
                for partition in chosen
                for entry in self._take_new(stream, partition, group, consumer, count)
            ]

        return await self._wait_for(take, block)

    async def pending(
        self, stream: Stream, group: str, consumer: str, *, count: int
    ) -> list[Delivery]:
        """What this consumer was handed before and has not settled."""
        self._check()
        return [
            Delivery(stream, partition, group, log.entry(entry_id), deliveries=2)
            for partition, log in self._each(stream)
            for entry_id in sorted(log.groups[group].pending)[:count]
            if log.groups[group].pending[entry_id].consumer == consumer and entry_id in log.fields
        ]

    async def claim(
        self,
        stream: Stream,
        group: str,
        consumer: str,
        *,
        min_idle: timedelta,
        count: int,
        partitions: Sequence[int] | None = None,
    ) -> list[Delivery]:
        """Take over stale entries; entries that no longer exist are dropped."""
        self._check()
        now_ms, idle_ms = self._clock_ms(), int(min_idle.total_seconds() * 1000)
        claimed = []
        for partition, log in self._each(stream):
            if partitions is not None and partition not in partitions:
                continue
            pending = log.groups[group].pending
            stale = [i for i in sorted(pending) if now_ms - pending[i].delivered_ms >= idle_ms]
            for entry_id in stale[:count]:
                if entry_id not in log.fields:
                    del pending[entry_id]
                    continue
                deliveries = pending[entry_id].deliveries + 1
                pending[entry_id] = _Pending(consumer, now_ms, deliveries)
                claimed.append(Delivery(stream, partition, group, log.entry(entry_id), deliveries))
        return claimed

    async def keep(self, consumer: str, deliveries: Sequence[Delivery]) -> None:
        """They count as handed to this consumer just now."""
        self._check()
        for delivery in deliveries:
            pending = self._log(delivery.stream, delivery.partition).groups[delivery.group].pending
            entry = pending.get(parse_id(delivery.entry.entry_id))
            if entry is not None:
                entry.consumer, entry.delivered_ms = consumer, self._clock_ms()

    async def leave(
        self,
        streams: Sequence[Stream],  # noqa: ARG002 - see the docstring
        group: str,  # noqa: ARG002
        consumer: str,  # noqa: ARG002
    ) -> None:
        """Nothing is kept of a consumer but what it has in hand."""
        self._check()

    async def forget_idle_consumers(
        self,
        streams: Sequence[Stream],  # noqa: ARG002 - see the docstring
        group: str,  # noqa: ARG002
        idle: timedelta,  # noqa: ARG002
    ) -> int:
        """Nothing is kept of a consumer but what it has in hand."""
        self._check()
        return 0

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Publish, write state and acknowledge, unless somebody else has already."""
        self._check()
        return [self._settle_one(outcome) for outcome in outcomes]

    async def fetch(self, stream: Stream, partition: int, ids: Sequence[str]) -> dict[str, Entry]:
        """Entries by id; ids that no longer exist are left out."""
        self._check()
        log = self._log(stream, partition)
        return {i: log.entry(parse_id(i)) for i in ids if parse_id(i) in log.fields}

    async def tail(
        self, stream: Stream, after: Mapping[int, str], *, count: int, block: timedelta | None
    ) -> list[TailEntry]:
        """Entries after an id per partition, without a group."""

        def look() -> list[TailEntry]:
            return [
                TailEntry(partition, log.entry(entry_id))
                for partition, position in after.items()
                for log in (self._log(stream, partition),)
                for entry_id in log.after(parse_id(position), count)
            ]

        return await self._wait_for(look, block)

    async def last_ids(self, stream: Stream) -> dict[int, str]:
        """The newest entry id of each partition."""
        self._check()
        return {p: format_id(log.ids[-1]) if log.ids else "0-0" for p, log in self._each(stream)}

    async def state(self, partition: int, names: Sequence[str]) -> dict[str, bytes]:
        """Values written by settled outcomes."""
        self._check()
        now_ms = self._clock_ms()
        found = {name: self._state.get(state_key(partition, name)) for name in names}
        return {name: item[0] for name, item in found.items() if item and item[1] > now_ms}

    async def trim(self, stream: Stream) -> int:
        """Remove what every group has acknowledged and the retention has passed."""
        self._check()
        removed = 0
        for _, log in self._each(stream):
            if any(group not in log.groups for group in stream.groups):
                continue
            bounds = [(self._clock_ms(), 0)]
            for group in (log.groups[name] for name in stream.groups):
                milliseconds, sequence = group.last_delivered
                bounds += [(milliseconds, sequence + 1), *group.pending]
            is_short = len(log.ids) <= stream.keep_entries
            removed += log.cut(cut_at(stream, min(bounds), is_short=is_short))
        return removed

    async def group_states(self, stream: Stream) -> list[GroupState]:
        """How far each group of each partition is."""
        self._check()
        states = []
        for partition, log in self._each(stream):
            for name, group in log.groups.items():
                waiting = [*sorted(group.pending)[:1], *log.after(group.last_delivered, 1)]
                oldest = min(waiting)[0] if waiting else None
                states.append(GroupState(partition, name, len(group.pending), oldest))
        return states

    async def now_ms(self) -> int:
        """The clock that entries are dated by."""
        self._check()
        return self._clock_ms()

    async def ping(self) -> None:
        """Return if available."""
        self._check()

    async def close(self) -> None:
        """Nothing is held."""

    def _check(self) -> None:
        if not self.available:
            raise BrokerUnavailableError("the in-memory broker was made unavailable")

    def _log(self, stream: Stream, partition: int) -> _Log:
        return self._logs.setdefault(stream.key(partition), _Log())

    def _each(self, stream: Stream) -> list[tuple[int, _Log]]:
        return [(partition, self._log(stream, partition)) for partition in range(self.partitions)]

    def _add(self, key: str, fields: Mapping[str, bytes]) -> str:
        entry_id = self._logs.setdefault(key, _Log()).append(fields, self._clock_ms())
        self._arrived.set()
        return format_id(entry_id)

    def _take_new(
        self, stream: Stream, partition: int, group: str, consumer: str, count: int
    ) -> list[Entry]:
        log = self._log(stream, partition)
        state = log.groups.setdefault(group, _Group())
        taken = log.after(state.last_delivered, count)
        for entry_id in taken:
            state.last_delivered = entry_id
            state.pending[entry_id] = _Pending(consumer, self._clock_ms())
        return [log.entry(entry_id) for entry_id in taken]

    def _settle_one(self, outcome: Outcome) -> bool:
        delivery = outcome.delivery
        added = additions(outcome)  # before the acknowledgement: a bad message must change nothing
        pending = self._log(delivery.stream, delivery.partition).groups[delivery.group].pending
        if pending.pop(parse_id(delivery.entry.entry_id), None) is None:
            return False
        for key, fields in added:
            self._add(key, fields)
        for write in outcome.state:
            key = state_key(delivery.partition, write.name)
            if write.value is None:
                self._state.pop(key, None)
            else:
                expires_ms = self._clock_ms() + int(write.ttl.total_seconds() * 1000)
                self._state[key] = (write.value, expires_ms)
        return True

    async def _wait_for(self, take: Callable[[], list[_T]], block: timedelta | None) -> list[_T]:
        deadline = (
            None if block is None else asyncio.get_running_loop().time() + block.total_seconds()
        )
        while True:
            self._check()
            self._arrived.clear()
            found = take()
            if found or deadline is None:
                return found
            remaining = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._arrived.wait(), remaining)
            except TimeoutError:
                return []
