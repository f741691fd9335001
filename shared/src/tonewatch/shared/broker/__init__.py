"""The broker: partitioned streams on Redis, and an in-memory twin for tests.

A worker's loop is: `read` (or `claim`), work, `settle`. Settling publishes the results of a
delivery and acknowledges it in one atomic step, and only if nobody else has acknowledged it
meanwhile; a worker killed at any instant neither loses nor doubles a message.
"""

from tonewatch.shared.broker._memory import MemoryBroker
from tonewatch.shared.broker._model import (
    Broker,
    Delivery,
    Entry,
    GroupState,
    Outcome,
    Outgoing,
    StateWrite,
    TailEntry,
)
from tonewatch.shared.broker._redis import RedisBroker

__all__ = [
    "Broker",
    "Delivery",
    "Entry",
    "GroupState",
    "MemoryBroker",
    "Outcome",
    "Outgoing",
    "RedisBroker",
    "StateWrite",
    "TailEntry",
]
