"""One process as a member: its sign of life, what it holds, and how sure it may be of that."""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from tonewatch.shared.leases._model import LeaseStore, Turn
from tonewatch.shared.leases._shares import chosen

TURNS_PER_LIFE: Final = 5


class Membership:
    """A member of a group, under a name that no other process ever had.

    Whoever uses it calls `turn` every `turn_seconds`, asks `is_sure` before it publishes, and when
    `lost` or `lapsed` say so stops what it lost and then calls `let_go`.
    """

    def __init__(
        self,
        store: LeaseStore,
        member: str,
        ttl: timedelta,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.member = member
        self.living: tuple[str, ...] = ()
        self.settling = True
        self.held: set[str] = set()
        self.lost: set[str] = set()
        """Leases that are somebody else's, while our work on them may still go on."""
        self.lapsed = False
        """We were counted dead: whatever we had, leased or not, others have taken over."""
        self.turn_seconds = ttl.total_seconds() / TURNS_PER_LIFE
        self._store = store
        self._ttl = ttl
        self._now = now
        self._sure_until = float("-inf")
        # one question at a time: an answer to an older one must not undo what a newer one said
        self._one_at_a_time = asyncio.Lock()

    @property
    def is_sure(self) -> bool:
        """Whether all that we hold is certainly ours, and nothing lost is still to be stopped."""
        return self._now() < self._sure_until and not self.lapsed and not self.lost

    async def turn(self) -> Turn:
        """Give a sign of life, and learn how things are.

        Raises:
            BrokerUnavailableError: no answer; we stay as sure as our own clock says.
        """
        async with self._one_at_a_time:
            sent = self._now()
            turn = await self._store.turn(self.member, self._ttl, self.held)
            # our time ends a turn before the server's: what is on its way then still arrives
            self._sure_until = sent + self._ttl.total_seconds() - self.turn_seconds
            self.living, self.settling = turn.living, turn.settling
            self.lapsed = self.lapsed or turn.lapsed
            self.lost |= self.held - turn.held
            self.held &= turn.held
            if strays := turn.held - self.held:
                # granted or given back by a call whose answer was lost
                await self._store.release(self.member, strays)
        return turn

    def is_chosen(self, name: str) -> bool:
        """Whether this should be ours, as things are."""
        return chosen(name, self.living) == self.member

    async def acquire(self, names: Collection[str]) -> None:
        """Take what is free of these; `held` says what was to be had."""
        async with self._one_at_a_time:
            if names:
                self.held |= await self._store.acquire(self.member, names)

    async def release(self, names: Collection[str]) -> None:
        """Let go of these; the work on them has ended."""
        async with self._one_at_a_time:
            self.held -= set(names)
            if names:
                await self._store.release(self.member, names)

    def let_go(self) -> None:
        """The work on what was lost has ended."""
        self.lost.clear()
        self.lapsed = False

    async def leave(self) -> None:
        """Be no member any more; all leases are free at once."""
        async with self._one_at_a_time:
            self._sure_until = float("-inf")
            self.held.clear()
            await self._store.leave(self.member)

    async def tell(self, note: bytes) -> None:
        """Leave a note for the others, for as long as a sign of life lasts."""
        await self._store.tell(self.member, note, self._ttl)

    async def told(self) -> dict[str, bytes]:
        """What the other members tell."""
        return await self._store.told([each for each in self.living if each != self.member])

    async def close(self) -> None:
        """Release connections; who has not left is found dead when its time is up."""
        await self._store.close()
