"""The twin of `RedisLeases` in memory: the same rules, by a clock that tests can turn."""

from collections.abc import Callable, Collection
from datetime import timedelta

from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.leases._model import QUIET_SHARE, Turn


class MemoryLeases:
    """The members and leases of one group; set `away` and it answers nobody."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.away = False
        self.holders: dict[str, str] = {}
        self._now = now
        self._members: dict[str, float] = {}
        self._notes: dict[str, tuple[float, bytes]] = {}
        self._last: float | None = None
        self._blank_until = self._settling_until = 0.0

    def forget_everything(self) -> None:
        """Lose all data, as a server that was restarted without a file."""
        self.holders.clear()
        self._members.clear()
        self._notes.clear()
        self._last = None
        self._blank_until = self._settling_until = 0.0

    async def turn(self, member: str, ttl: timedelta, held: Collection[str]) -> Turn:
        """A sign of life; see `LeaseStore.turn`."""
        now, seconds = self._answer(), ttl.total_seconds()
        if self._last is None:
            self._blank_until = now + seconds
        if self._last is None or now - self._last > seconds * QUIET_SHARE:
            self._settling_until = now + seconds
        self._last = now
        settling, blank = now < self._settling_until, now < self._blank_until
        lapsed = not blank and member not in self._members
        self._members[member] = now + seconds
        if not settling:
            self._members = {name: end for name, end in self._members.items() if end > now}
            self.holders = {k: who for k, who in self.holders.items() if who in self._members}
        if blank:
            self.holders = dict.fromkeys(held, member) | self.holders
        living = sorted(self._members, key=lambda name: self._members[name])
        return Turn(tuple(living), self._held_by(member), lapsed, settling)

    async def acquire(self, member: str, names: Collection[str]) -> frozenset[str]:
        """Take what is free; see `LeaseStore.acquire`."""
        now = self._answer()
        if self._members.get(member, 0) > now >= self._blank_until:
            self.holders = dict.fromkeys(names, member) | self.holders
        return self._held_by(member) & frozenset(names)

    async def release(self, member: str, names: Collection[str]) -> None:
        """Let go of some; see `LeaseStore.release`."""
        self._answer()
        for name in self._held_by(member) & frozenset(names):
            del self.holders[name]

    async def leave(self, member: str) -> None:
        """Let go of all, and be no member; see `LeaseStore.leave`."""
        await self.release(member, self._held_by(member))
        self._members.pop(member, None)
        self._notes.pop(member, None)

    async def tell(self, member: str, note: bytes, ttl: timedelta) -> None:
        """Leave a note for the others; see `LeaseStore.tell`."""
        self._notes[member] = self._answer() + ttl.total_seconds(), note

    async def told(self, members: Collection[str]) -> dict[str, bytes]:
        """Notes of others; see `LeaseStore.told`."""
        now = self._answer()
        found = {member: self._notes[member] for member in members if member in self._notes}
        return {member: note for member, (end, note) in found.items() if end > now}

    async def close(self) -> None:
        """Nothing to release."""

    def _answer(self) -> float:
        if self.away:
            raise BrokerUnavailableError
        return self._now()

    def _held_by(self, member: str) -> frozenset[str]:
        return frozenset(name for name, holder in self.holders.items() if holder == member)
