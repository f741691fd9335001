"""Leases: processes of one kind divide named things among themselves, each held by one of them.

A member says every fifth of its life span (`ttl`) that it lives. What it holds is held for as long
as it says so: renewing a thousand leases is one command. Who is silent for a life span is dead, and
its leases are free. Three promises:

- A member knows from its own clock, before anybody else may take its leases, that it cannot be sure
  of them any more (`Membership.is_sure`); until it is sure again it must publish nothing.
- While Redis is away nobody can take anything. After it came back, all members first have a life
  span to say that they live: an outage, however long, moves no lease, nor does a server that lost
  its data.
- A member that was counted dead meanwhile is told so (`lapsed`), and must let go of everything.
"""

from tonewatch.shared.leases._joining import UNSURE, Heartbeat, join
from tonewatch.shared.leases._membership import Membership
from tonewatch.shared.leases._memory import MemoryLeases
from tonewatch.shared.leases._model import LeaseStore, Turn
from tonewatch.shared.leases._redis import RedisLeases
from tonewatch.shared.leases._shares import chosen

__all__ = [
    "UNSURE",
    "Heartbeat",
    "LeaseStore",
    "Membership",
    "MemoryLeases",
    "RedisLeases",
    "Turn",
    "chosen",
    "join",
]
