"""The one registry of streams: who writes each, who reads it, and how long it keeps what is done.

P partitions share the load (fixed for a deployment). A track always maps to the same partition, so
its messages stay in order; all keys of a partition carry one hash tag, so they sit in one slot of a
Redis Cluster and can be changed in one transaction.
"""

import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tonewatch.shared.messages import Alert, Frame, Gap, Message, Score, SessionEvent

KEY_PREFIX: Final = "tw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of stream; there is one key of it per partition.

    `groups` are all consumer groups: an entry is trimmed only after every one of them has
    acknowledged it. `retention` is how long acknowledged entries stay before the first that is
    still needed, for readers without a group (the live page) and for windows that look back. As
    long as a partition has no more than `keep_entries`, they stay for `keep_short`: where seconds
    are scored slowly, what was published just before lies far back in time.
    """

    name: str
    messages: tuple[type[Message], ...]
    binary_fields: tuple[str, ...]
    producers: tuple[str, ...]
    groups: tuple[str, ...]
    retention: timedelta
    purpose: str
    keep_entries: int = 0
    keep_short: timedelta = timedelta(minutes=10)

    def key(self, partition: int) -> str:
        """The Redis key, with the partition as its hash tag."""
        return partition_key(partition, self.name)


FRAMES: Final = Stream(
    name="frames",
    messages=(Frame,),
    binary_fields=("pcm",),
    producers=("ingest",),
    groups=("inference",),
    retention=timedelta(seconds=45),  # utterances look back 30 s
    purpose="Live seconds of audio, to be scored at once",
)
UPLOADS: Final = Stream(
    name="uploads",
    messages=(Frame,),
    binary_fields=("pcm",),
    producers=("ingest",),
    groups=("inference",),
    retention=timedelta(seconds=45),
    purpose="Seconds of uploaded recordings, served after live audio",
    keep_entries=512,
)
SCORES: Final = Stream(
    name="scores",
    messages=(Score, Gap),
    binary_fields=("steps",),
    producers=("inference", "ingest"),
    groups=("alerting", "storage"),
    retention=timedelta(minutes=5),
    purpose="What the model heard, or why it heard nothing",
)
ALERTS: Final = Stream(
    name="alerts",
    messages=(Alert,),
    binary_fields=(),
    producers=("alerting",),
    groups=("dispatch", "storage"),
    retention=timedelta(minutes=30),
    purpose="Alerts as they fire and resolve",
)
SESSIONS: Final = Stream(
    name="sessions",
    messages=(SessionEvent,),
    binary_fields=(),
    producers=("ingest",),
    groups=("alerting", "storage"),
    retention=timedelta(minutes=30),
    purpose="Sessions as they start and end",
)
DEAD: Final = Stream(
    name="dead",
    messages=(),
    binary_fields=("pcm", "steps"),
    producers=("inference", "alerting", "storage"),
    groups=(),
    retention=timedelta(days=7),
    purpose="Messages that could not be processed, with the error; kept for replay",
)

STREAMS: Final = (FRAMES, UPLOADS, SCORES, ALERTS, SESSIONS, DEAD)
STREAMS_BY_NAME: Final = {stream.name: stream for stream in STREAMS}


def partition_key(partition: int, suffix: str) -> str:
    """A key that lives in the partition's hash slot: `tw:{3}:frames`."""
    return f"{KEY_PREFIX}:{{{partition}}}:{suffix}"


def group_key(group: str, suffix: str) -> str:
    """A key of the replicas of one service, all in one hash slot: `tw:{ingest}:leases`."""
    return f"{KEY_PREFIX}:{{{group}}}:{suffix}"


def partition_of(key: str, partitions: int) -> int:
    """The partition of a track or session; stable across processes and machines."""
    return zlib.crc32(key.encode()) % partitions
