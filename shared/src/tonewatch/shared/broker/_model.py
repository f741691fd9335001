"""What goes into and comes out of a broker, and the protocol that both brokers follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from tonewatch.shared.messages import Message
from tonewatch.shared.streams import Stream

Blobs = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish, with its binary fields."""

    stream: Stream
    message: Message
    blobs: Blobs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it lies in a stream: its id and its raw fields.

    `fields["h"]` is the JSON header; the rest are binary fields.
    """

    entry_id: str
    fields: Mapping[str, bytes]

    @property
    def header(self) -> bytes:
        """The JSON header; empty if the entry has none."""
        return self.fields.get("h", b"")

    @property
    def published_ms(self) -> int:
        """When the broker took the entry (its own clock), in milliseconds since 1970."""
        return int(self.entry_id.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry handed to one consumer of a group, to be settled by it."""

    stream: Stream
    partition: int
    group: str
    entry: Entry
    deliveries: int = 1
    """How often it was handed out; more than 1 means that a consumer died or failed on it."""


@dataclass(frozen=True, slots=True)
class TailEntry:
    """An entry read without a group."""

    partition: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A small value kept in the partition beside its streams; None deletes it.

    It expires after `ttl`, so that a track that never ended properly leaves nothing behind.
    """

    name: str
    value: bytes | None
    ttl: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery: the messages it led to, the state it changed, or its failure.

    Everything in it happens in one atomic step with the acknowledgement, or not at all. All
    messages land in the delivery's own partition. With `dead` set, the entry also goes to the dead
    letters, with that text as the error.
    """

    delivery: Delivery
    publish: Sequence[Outgoing] = ()
    state: Sequence[StateWrite] = ()
    dead: str | None = None


@dataclass(frozen=True, slots=True)
class GroupState:
    """How far one consumer group of one partition is.

    `oldest_unsettled_ms` is the broker's time of the oldest entry that was not yet acknowledged,
    None if everything is done. (Redis's own `lag` is a heuristic; it stays wrong after a trim.)
    """

    partition: int
    group: str
    pending: int
    oldest_unsettled_ms: int | None


class Broker(Protocol):
    """Partitioned streams with consumer groups; see the package's docstring.

    Every method raises BrokerUnavailableError when the broker cannot be reached.
    """

    partitions: int

    async def setup(self, streams: Iterable[Stream]) -> None:
        """Create the streams' consumer groups, from the beginning of each stream."""

    async def publish(self, messages: Sequence[Outgoing]) -> list[str]:
        """Append messages to their streams, each in its track's partition; returns entry ids."""

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
        """New entries for this consumer, at most `count` per partition and stream.

        Waits up to `block` for the first one; None returns at once.
        """

    async def pending(
        self, stream: Stream, group: str, consumer: str, *, count: int
    ) -> list[Delivery]:
        """What this consumer was handed earlier and has not settled (after its own restart)."""

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
        """Take over entries that their consumers left unsettled for at least `min_idle`.

        Entries that no longer exist in the stream are acknowledged and dropped.
        """

    async def keep(self, consumer: str, deliveries: Sequence[Delivery]) -> None:
        """Say that this consumer still works on them: they count as handed out just now.

        So nobody claims them, and their number of deliveries stays as it is.
        """

    async def leave(self, streams: Sequence[Stream], group: str, consumer: str) -> None:
        """This consumer will not come back: forget its name, where it has nothing in hand."""

    async def forget_idle_consumers(
        self, streams: Sequence[Stream], group: str, idle: timedelta
    ) -> int:
        """Forget the names of consumers that died: silent for so long, with nothing in hand.

        Returns how many were forgotten, counted by stream and partition.
        """

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Publish, write state and acknowledge; one atomic step per partition and stream.

        The answer says for each outcome whether it took effect; False means that another consumer
        had already settled the delivery, and nothing of this outcome was done.
        """

    async def fetch(self, stream: Stream, partition: int, ids: Sequence[str]) -> dict[str, Entry]:
        """Entries by id, without a group; ids that no longer exist are left out."""

    async def tail(
        self, stream: Stream, after: Mapping[int, str], *, count: int, block: timedelta | None
    ) -> list[TailEntry]:
        """Entries after an id per partition, without a group; for live views."""

    async def last_ids(self, stream: Stream) -> dict[int, str]:
        """The newest entry id of each partition ("0-0" where empty): where a tail may begin."""

    async def state(self, partition: int, names: Sequence[str]) -> dict[str, bytes]:
        """Values written by settled outcomes; names without a value are left out."""

    async def trim(self, stream: Stream) -> int:
        """Remove entries that every group has acknowledged and that are older than the retention.

        Returns how many were removed.
        """

    async def group_states(self, stream: Stream) -> list[GroupState]:
        """How far each group of each partition is."""

    async def now_ms(self) -> int:
        """The broker's own clock, by which entries are dated: milliseconds since 1970."""

    async def ping(self) -> None:
        """Return if the broker answers."""

    async def close(self) -> None:
        """Release connections."""
