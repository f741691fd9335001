"""The leases of a group in Redis: three keys of one hash slot, changed by scripts.

`members` (a sorted set) says until when each member counts as living, by the server's clock;
`leases` (a hash) who holds what; `pulse` (a hash) when the group was last heard. A lease has no
time-out of its own: it is freed when its holder is found dead, so that a holder whose sign of life
came late, but before anybody took over, has lost nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.leases._model import QUIET_SHARE, Turn
from tonewatch.shared.streams import group_key

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function pulse(field) return tonumber(redis.call('HGET', KEYS[3], field) or 0) end
"""

# KEYS: members, leases, pulse. ARGV: member; life span in ms; share of it; what the member holds.
TURN_LUA: Final = (
    _NOW
    + """
local me, ttl = ARGV[1], tonumber(ARGV[2])
local last = pulse('last')
if last == 0 then redis.call('HSET', KEYS[3], 'blank_until', now + ttl) end
if now - last > ttl * tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[3], 'settling_until', now + ttl)
end
redis.call('HSET', KEYS[3], 'last', now)
local settling, blank = now < pulse('settling_until'), now < pulse('blank_until')
local lapsed = 0
if not blank and not redis.call('ZSCORE', KEYS[1], me) then lapsed = 1 end
redis.call('ZADD', KEYS[1], now + ttl, me)
if not settling and redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now) > 0 then
  local leases = redis.call('HGETALL', KEYS[2])
  for i = 1, #leases, 2 do
    if not redis.call('ZSCORE', KEYS[1], leases[i + 1]) then
      redis.call('HDEL', KEYS[2], leases[i])
    end
  end
end
if blank then
  for i = 4, #ARGV do redis.call('HSETNX', KEYS[2], ARGV[i], me) end
end
local held, leases = {}, redis.call('HGETALL', KEYS[2])
for i = 1, #leases, 2 do
  if leases[i + 1] == me then held[#held + 1] = leases[i] end
end
return {lapsed, settling and 1 or 0, redis.call('ZRANGE', KEYS[1], 0, -1), held}
"""
)

# KEYS as above. ARGV: member; names. Who is not known to live is given nothing.
ACQUIRE_LUA: Final = (
    _NOW
    + """
local me, granted = ARGV[1], {}
local lives_until = tonumber(redis.call('ZSCORE', KEYS[1], me) or 0)
if lives_until <= now then return granted end
local blank = now < pulse('blank_until')
for i = 2, #ARGV do
  local holder = redis.call('HGET', KEYS[2], ARGV[i])
  if holder == me or (not holder and not blank) then
    redis.call('HSET', KEYS[2], ARGV[i], me)
    granted[#granted + 1] = ARGV[i]
  end
end
return granted
"""
)

# KEYS as above. ARGV: member; names.
RELEASE_LUA: Final = """
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
"""

# KEYS as above. ARGV: member.
LEAVE_LUA: Final = """
local leases = redis.call('HGETALL', KEYS[2])
for i = 1, #leases, 2 do
  if leases[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[2], leases[i]) end
end
redis.call('ZREM', KEYS[1], ARGV[1])
"""


class RedisLeases:
    """The members and leases of one group on a Redis server or cluster."""

    def __init__(self, client: Redis | RedisCluster, group: str, *, timeout: timedelta) -> None:
        self._client: Any = client
        self._group = group
        self._timeout = timeout
        self._keys = [group_key(group, name) for name in ("members", "leases", "pulse")]
        self._turn = client.register_script(TURN_LUA)
        self._acquire = client.register_script(ACQUIRE_LUA)
        self._release = client.register_script(RELEASE_LUA)
        self._leave = client.register_script(LEAVE_LUA)

    async def turn(self, member: str, ttl: timedelta, held: Collection[str]) -> Turn:
        """A sign of life; see `LeaseStore.turn`."""
        arguments: list[str | int | float] = [member, _ms(ttl), QUIET_SHARE, *held]
        async with self._bounded():
            lapsed, settling, living, mine = await self._turn(keys=self._keys, args=arguments)
        return Turn(
            living=tuple(each.decode() for each in living),
            held=frozenset(each.decode() for each in mine),
            lapsed=lapsed == 1,
            settling=settling == 1,
        )

    async def acquire(self, member: str, names: Collection[str]) -> frozenset[str]:
        """Take what is free; see `LeaseStore.acquire`."""
        async with self._bounded():
            granted = await self._acquire(keys=self._keys, args=[member, *names])
        return frozenset(each.decode() for each in granted)

    async def release(self, member: str, names: Collection[str]) -> None:
        """Let go of some; see `LeaseStore.release`."""
        async with self._bounded():
            await self._release(keys=self._keys, args=[member, *names])

    async def leave(self, member: str) -> None:
        """Let go of all, and be no member; see `LeaseStore.leave`."""
        async with self._bounded():
            await self._leave(keys=self._keys, args=[member])
            await self._client.delete(self._note_key(member))

    async def tell(self, member: str, note: bytes, ttl: timedelta) -> None:
        """Leave a note for the others; see `LeaseStore.tell`."""
        async with self._bounded():
            await self._client.set(self._note_key(member), note, px=_ms(ttl))

    async def told(self, members: Collection[str]) -> dict[str, bytes]:
        """Notes of others; see `LeaseStore.told`."""
        if not members:
            return {}
        async with self._bounded():
            notes = await self._client.mget([self._note_key(member) for member in members])
        pairs = zip(members, notes, strict=True)
        return {member: note for member, note in pairs if note is not None}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _note_key(self, member: str) -> str:
        return group_key(self._group, f"note:{member}")

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            words = str(error) or f"no answer within {self._timeout.total_seconds():g} s"
            raise BrokerUnavailableError(f"Redis cannot be reached: {words}") from error


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
