"""The broker on Redis Streams, through redis-py; needs Redis 7.0 or Valkey 7.2 and newer."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tonewatch.shared.broker import _trim
from tonewatch.shared.broker._consumers import FORGET_LUA, forget
from tonewatch.shared.broker._model import (
    Delivery,
    Entry,
    GroupState,
    Outcome,
    Outgoing,
    TailEntry,
)
from tonewatch.shared.broker._probe import Capabilities, probe
from tonewatch.shared.broker._settle import SETTLE_LUA, by_group, script_call, state_key
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.errors import BrokerUnavailableError, TonewatchError
from tonewatch.shared.redis_client import MAX_BLOCK
from tonewatch.shared.streams import Stream, partition_of

CLUSTER_POLL_SECONDS: Final = 0.05
"""One command cannot block on keys of several cluster nodes, so there a read polls."""


class RedisBroker:
    """Partitioned streams on one Redis (or Valkey) server or a Redis Cluster."""

    def __init__(self, client: Redis | RedisCluster, *, partitions: int) -> None:
        self.partitions = partitions
        self.capabilities: Capabilities | None = None
        self._client: Any = client
        self._is_cluster = isinstance(client, RedisCluster)
        self._settle = client.register_script(SETTLE_LUA)
        self._forget = client.register_script(FORGET_LUA)
        self._known: dict[str, Stream] = {}

    async def setup(self, streams: Iterable[Stream]) -> None:
        """Check the server, and create the streams' groups from the beginning of each stream.

        Raises:
            ConfigurationError: the server is too old.
            BrokerUnavailableError: it does not answer.
        """
        self._known.update({stream.name: stream for stream in streams})
        with self._translated():
            if self.capabilities is None:
                self.capabilities = await probe(self._client)
            pipe = self._client.pipeline(transaction=False)
            for stream in self._known.values():
                for partition in range(self.partitions):
                    for group in stream.groups:
                        pipe.xgroup_create(stream.key(partition), group, id="0", mkstream=True)
            for answer in await pipe.execute(raise_on_error=False):
                if isinstance(answer, Exception) and not _group_exists(answer):
                    raise answer

    async def publish(self, messages: Sequence[Outgoing]) -> list[str]:
        """Append messages in one round trip; returns their entry ids."""
        if not messages:
            return []
        pipe = self._client.pipeline(transaction=False)
        for outgoing in messages:
            partition = partition_of(outgoing.message.partition_key, self.partitions)
            pipe.xadd(outgoing.stream.key(partition), encode(outgoing))
        with self._translated():
            return [entry_id.decode() for entry_id in await pipe.execute()]

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
        """New entries for this consumer; see `Broker.read`."""
        keys = self._keys(streams, partitions)
        with self._translated():
            try:
                answers = await self._read_groups(group, consumer, list(keys), count, block)
            except ResponseError as error:
                await self._restore_groups(error)
                return []
        return [Delivery(*keys[key], group, entry) for key, entries in answers for entry in entries]

    async def pending(
        self, stream: Stream, group: str, consumer: str, *, count: int
    ) -> list[Delivery]:
        """What this consumer was handed before and has not settled."""
        keys = self._keys([stream], None)
        pipe = self._client.pipeline(transaction=False)
        for key in keys:
            pipe.xreadgroup(group, consumer, {key: "0"}, count=count)
        with self._translated():
            answers = [pair for answer in await pipe.execute() for pair in _by_key(answer)]
        return [
            Delivery(*keys[key], group, entry, deliveries=2)
            for key, entries in answers
            for entry in entries
            if entry.fields
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
        """Take over stale entries; see `Broker.claim`."""
        idle_ms = int(min_idle.total_seconds() * 1000)
        chosen = range(self.partitions) if partitions is None else partitions
        pipe = self._client.pipeline(transaction=False)
        for partition in chosen:
            pipe.xautoclaim(stream.key(partition), group, consumer, idle_ms, count=count)
        claimed: list[Delivery] = []
        with self._translated():
            try:
                answers = await pipe.execute()
            except ResponseError as error:
                await self._restore_groups(error)
                return []
            for partition, answer in zip(chosen, answers, strict=True):
                entries = _entries(answer[1])
                counts = await self._delivery_counts(stream, partition, group, consumer, entries)
                claimed += [
                    Delivery(stream, partition, group, entry, counts.get(entry.entry_id, 2))
                    for entry in entries
                ]
        return claimed

    async def keep(self, consumer: str, deliveries: Sequence[Delivery]) -> None:
        """Reset the idle time of entries in hand; see `Broker.keep`."""
        by_key: dict[tuple[str, str], list[str]] = {}
        for delivery in deliveries:
            key = delivery.stream.key(delivery.partition)
            by_key.setdefault((key, delivery.group), []).append(delivery.entry.entry_id)
        pipe = self._client.pipeline(transaction=False)
        for (key, group), ids in by_key.items():
            pipe.xclaim(key, group, consumer, 0, ids, justid=True)
        if by_key:
            with self._translated():
                await pipe.execute()

    async def leave(self, streams: Sequence[Stream], group: str, consumer: str) -> None:
        """Forget this consumer's name; see `Broker.leave`."""
        with self._translated():
            await forget(
                self._forget,
                list(self._keys(streams, None)),
                group,
                idle=timedelta(0),
                consumer=consumer,
            )

    async def forget_idle_consumers(
        self, streams: Sequence[Stream], group: str, idle: timedelta
    ) -> int:
        """Forget dead consumers' names; see `Broker.forget_idle_consumers`."""
        with self._translated():
            return await forget(self._forget, list(self._keys(streams, None)), group, idle=idle)

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Publish, write state and acknowledge atomically per partition; see `Broker.settle`."""
        groups = by_group(outcomes)
        calls = [script_call([outcomes[index] for index in indexes]) for indexes in groups.values()]
        with self._translated():
            answers = await self._run_settle(calls)
        settled = [False] * len(outcomes)
        for indexes, flags in zip(groups.values(), answers, strict=True):
            for index, flag in zip(indexes, flags, strict=True):
                settled[index] = flag == 1
        return settled

    async def fetch(self, stream: Stream, partition: int, ids: Sequence[str]) -> dict[str, Entry]:
        """Entries by id; ids that no longer exist are left out."""
        pipe = self._client.pipeline(transaction=False)
        for entry_id in ids:
            pipe.xrange(stream.key(partition), min=entry_id, max=entry_id)
        with self._translated():
            answers = await pipe.execute()
        return {entry.entry_id: entry for answer in answers for entry in _entries(answer)}

    async def tail(
        self, stream: Stream, after: Mapping[int, str], *, count: int, block: timedelta | None
    ) -> list[TailEntry]:
        """Entries after an id per partition, without a group."""
        positions = {stream.key(partition): entry_id for partition, entry_id in after.items()}
        partitions = {stream.key(partition): partition for partition in after}
        with self._translated():
            if self._is_cluster:
                answers = await self._poll(
                    lambda pipe: [
                        pipe.xread({key: entry_id}, count=count)
                        for key, entry_id in positions.items()
                    ],
                    block,
                )
            else:
                answers = _by_key(
                    await self._client.xread(positions, count=count, block=_block_ms(block))
                )
        return [TailEntry(partitions[key], entry) for key, entries in answers for entry in entries]

    async def last_ids(self, stream: Stream) -> dict[int, str]:
        """The newest entry id of each partition."""
        pipe = self._client.pipeline(transaction=False)
        for partition in range(self.partitions):
            pipe.xrevrange(stream.key(partition), count=1)
        with self._translated():
            answers = await pipe.execute()
        newest = {partition: _entries(answer) for partition, answer in enumerate(answers)}
        return {p: entries[0].entry_id if entries else "0-0" for p, entries in newest.items()}

    async def state(self, partition: int, names: Sequence[str]) -> dict[str, bytes]:
        """Values written by settled outcomes."""
        if not names:
            return {}
        with self._translated():
            values = await self._client.mget([state_key(partition, name) for name in names])
        return {name: value for name, value in zip(names, values, strict=True) if value is not None}

    async def trim(self, stream: Stream) -> int:
        """Remove what every group has acknowledged and nobody may look back at."""
        with self._translated():
            return await _trim.trim(self._client, stream, range(self.partitions))

    async def group_states(self, stream: Stream) -> list[GroupState]:
        """How far each group of each partition is."""
        with self._translated():
            return await _trim.group_states(self._client, stream, range(self.partitions))

    async def now_ms(self) -> int:
        """The server's clock."""
        with self._translated():
            return await _trim.server_time_ms(self._client)

    async def ping(self) -> None:
        """Return if the server answers."""
        with self._translated():
            await self._client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _keys(
        self, streams: Sequence[Stream], partitions: Sequence[int] | None
    ) -> dict[str, tuple[Stream, int]]:
        chosen = range(self.partitions) if partitions is None else partitions
        return {s.key(partition): (s, partition) for s in streams for partition in chosen}

    async def _run_settle(self, calls: list[tuple[list[str], list[Any]]]) -> list[list[int]]:
        """The script once per partition, in one round trip where one server holds them all."""
        if self._is_cluster:
            runs = (self._settle(keys=keys, args=arguments) for keys, arguments in calls)
            return list(await asyncio.gather(*runs))
        pipe = self._client.pipeline(transaction=False)
        for keys, arguments in calls:
            pipe.evalsha(self._settle.sha, len(keys), *keys, *arguments)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        for index, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):  # a server that was restarted: nothing was done
                keys, arguments = calls[index]
                answers[index] = await self._settle(keys=keys, args=arguments)
            elif isinstance(answer, Exception):
                raise answer
        return answers

    async def _read_groups(
        self, group: str, consumer: str, keys: list[str], count: int, block: timedelta | None
    ) -> list[tuple[str, list[Entry]]]:
        if self._is_cluster:
            return await self._poll(
                lambda pipe: [
                    pipe.xreadgroup(group, consumer, {key: ">"}, count=count) for key in keys
                ],
                block,
            )
        return _by_key(
            await self._client.xreadgroup(
                group, consumer, dict.fromkeys(keys, ">"), count=count, block=_block_ms(block)
            )
        )

    async def _poll(self, fill: Any, block: timedelta | None) -> list[tuple[str, list[Entry]]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(block or timedelta(0), MAX_BLOCK).total_seconds()
        while True:
            pipe = self._client.pipeline(transaction=False)
            fill(pipe)
            found = [pair for answer in await pipe.execute() for pair in _by_key(answer)]
            if found or loop.time() >= deadline:
                return found
            await asyncio.sleep(CLUSTER_POLL_SECONDS)

    async def _delivery_counts(
        self, stream: Stream, partition: int, group: str, consumer: str, entries: list[Entry]
    ) -> dict[str, int]:
        if not entries:
            return {}
        rows = await self._client.xpending_range(
            stream.key(partition),
            group,
            min=entries[0].entry_id,
            max=entries[-1].entry_id,
            count=len(entries) * 10,
            consumername=consumer,
        )
        return {row["message_id"].decode(): row["times_delivered"] for row in rows}

    async def _restore_groups(self, error: ResponseError) -> None:
        """A server that lost its data (restart without AOF, FLUSHALL) gets its groups back."""
        if "NOGROUP" not in str(error):
            raise error
        await self.setup(())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TonewatchError:
            raise
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise BrokerUnavailableError(f"Redis cannot be reached: {error}") from error
        except RedisError as error:
            # OOM, READONLY, LOADING, MISCONF: the server is there and cannot serve us now
            raise BrokerUnavailableError(f"Redis refused: {error}") from error


def _block_ms(block: timedelta | None) -> int | None:
    return None if block is None else max(1, int(min(block, MAX_BLOCK).total_seconds() * 1000))


def _group_exists(answer: Exception) -> bool:
    return isinstance(answer, ResponseError) and "BUSYGROUP" in str(answer)


def _entries(rows: Any) -> list[Entry]:
    return [
        Entry(entry_id.decode(), {name.decode(): value for name, value in (fields or {}).items()})
        for entry_id, fields in rows or ()
        if entry_id is not None
    ]


def _by_key(answer: Any) -> list[tuple[str, list[Entry]]]:
    return [(key.decode(), _entries(rows)) for key, rows in answer or ()]
