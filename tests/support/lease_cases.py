"""What every keeper of leases must do: the same cases in memory and in Redis."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from tonewatch.shared.leases import LeaseStore, Membership


@dataclass
class Rig:
    """A keeper, how long a life is with it, and how to let time pass (a share of a life)."""

    store: LeaseStore
    ttl: timedelta
    now: Callable[[], float]
    pass_lives: Callable[[float], Awaitable[None]]
    lose_data: Callable[[], Awaitable[None]]

    def member(self, name: str) -> Membership:
        """A member that nobody has heard of yet."""
        return Membership(self.store, name, self.ttl, self.now)

    async def joined(self, *names: str) -> list[Membership]:
        """Members of a group that has settled."""
        members = [self.member(name) for name in names]
        await self.turns(members, lives=1.3)
        for member in members:
            member.let_go()
            assert sure(member)
        return members

    async def turns(self, members: list[Membership], *, lives: float) -> None:
        """Signs of life of all for so many life spans."""
        for _ in range(round(5 * lives)):
            for member in members:
                await member.turn()
            await self.pass_lives(0.2)
        for member in members:
            await member.turn()


def sure(member: Membership) -> bool:
    """Asked anew each time: the answer depends on the clock."""
    return member.is_sure


class LeaseCases:
    """Cases; a subclass gives the `rig`."""

    async def test_a_lease_has_one_holder_and_is_free_after_its_release(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await first.acquire(["x", "y"])
        await second.acquire(["x", "z"])
        assert (first.held, second.held) == ({"x", "y"}, {"z"})
        await second.release(["x"])  # not its own: nothing happens
        await first.release(["x"])
        await second.acquire(["x", "y"])
        assert (first.held, second.held) == ({"y"}, {"x", "z"})

    async def test_all_see_who_lives_and_a_leaver_is_gone_at_once(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        assert set(first.living) == set(second.living) == {"a", "b"}
        await second.acquire(["x"])
        await second.leave()
        await first.turn()
        await first.acquire(["x"])
        assert (first.living, first.held) == (("a",), {"x"})

    async def test_the_leases_of_a_silent_member_are_free_when_its_life_is_over(
        self, rig: Rig
    ) -> None:
        first, second = await rig.joined("a", "b")
        await second.acquire(["x"])
        await rig.turns([first], lives=0.6)
        await first.acquire(["x"])
        assert first.held == set()
        await rig.turns([first], lives=0.8)
        await first.acquire(["x"])
        assert first.held == {"x"}
        assert first.living == ("a",)

    async def test_a_member_doubts_before_another_one_can_take_its_lease(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await second.acquire(["x"])
        while sure(second):
            await first.turn()
            await first.acquire(["x"])
            assert first.held == set()
            await rig.pass_lives(0.05)

    async def test_who_was_counted_dead_is_told_so_and_stays_unsure_until_it_let_go(
        self, rig: Rig
    ) -> None:
        first, second = await rig.joined("a", "b")
        await second.acquire(["x", "y"])
        await rig.turns([first], lives=1.4)
        await first.acquire(["x"])
        await second.turn()
        await second.turn()
        assert second.lapsed
        assert second.lost == {"x", "y"}
        assert second.held == set()
        assert not sure(second)
        second.let_go()
        assert sure(second)

    async def test_an_outage_moves_no_lease_however_long(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await first.acquire(["x"])
        await second.acquire(["y"])
        await rig.pass_lives(3)
        assert not sure(first)
        await first.turn()
        assert set(first.living) == {"a", "b"}
        await first.acquire(["x", "y"])
        await second.turn()
        assert (first.held, second.held) == ({"x"}, {"y"})
        assert sure(first)
        assert sure(second)

    async def test_after_an_outage_who_stays_silent_is_dead_all_the_same(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await second.acquire(["y"])
        await rig.pass_lives(3)
        await rig.turns([first], lives=1.4)
        await first.acquire(["y"])
        assert first.held == {"y"}

    async def test_a_server_that_lost_its_data_gives_nobody_what_another_one_holds(
        self, rig: Rig
    ) -> None:
        first, second = await rig.joined("a", "b")
        await second.acquire(["y"])
        await rig.lose_data()
        await first.turn()
        await first.acquire(["y"])
        await second.turn()
        assert (first.held, second.held) == (set(), {"y"})
        assert sure(second)
        await rig.turns([first, second], lives=1.3)
        await first.acquire(["y", "z"])
        assert (first.held, second.held) == ({"z"}, {"y"})

    async def test_a_lease_whose_grant_was_never_heard_is_given_back(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await rig.store.acquire("a", ["x"])  # the answer was lost
        await first.turn()
        await second.acquire(["x"])
        assert (first.held, second.held) == (set(), {"x"})

    async def test_notes_are_read_by_the_others_and_vanish(self, rig: Rig) -> None:
        first, second = await rig.joined("a", "b")
        await first.tell(b"live")
        assert await second.told() == {"a": b"live"}
        assert await first.told() == {}
        await rig.pass_lives(1.2)
        assert await second.told() == {}
