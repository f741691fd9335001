"""Leases in memory, in virtual time; and who is chosen."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.support.lease_cases import LeaseCases, Rig, sure
from tonewatch.shared.errors import BrokerUnavailableError
from tonewatch.shared.leases import Membership, MemoryLeases, chosen

TTL = timedelta(seconds=100)
NAMES = [f"source-{number}" for number in range(300)]


class Clock:
    """Stands still until a test turns it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryLeases:
    return MemoryLeases(clock)


class TestLeasesInMemory(LeaseCases):
    """All cases."""

    @pytest.fixture
    def rig(self, clock: Clock, store: MemoryLeases) -> Rig:
        async def pass_lives(lives: float) -> None:
            clock.seconds += lives * TTL.total_seconds()

        async def lose_data() -> None:
            store.forget_everything()

        return Rig(store, TTL, clock, pass_lives, lose_data)


def test_each_of_three_members_is_chosen_for_about_a_third() -> None:
    counted = Counter(chosen(name, ("a", "b", "c")) for name in NAMES)
    assert counted.keys() == {"a", "b", "c"}
    assert all(70 <= count <= 130 for count in counted.values())


def test_all_come_to_the_same_answer_and_only_a_newcomers_share_moves() -> None:
    before = {name: chosen(name, ("a", "b")) for name in NAMES}
    assert before == {name: chosen(name, ("b", "a")) for name in NAMES}
    after = {name: chosen(name, ("a", "b", "c")) for name in NAMES}
    assert {after[name] for name in NAMES if after[name] != before[name]} == {"c"}
    assert chosen("x", ()) is None


async def test_without_an_answer_a_member_stays_as_sure_as_its_own_clock_says(
    clock: Clock, store: MemoryLeases
) -> None:
    member = Membership(store, "a", TTL, clock)
    assert not sure(member)
    await member.turn()
    member.let_go()
    store.away = True
    clock.seconds += 79
    with pytest.raises(BrokerUnavailableError):
        await member.turn()
    assert sure(member)
    clock.seconds += 1
    assert not sure(member)


async def test_a_release_whose_answer_was_lost_is_made_good_with_the_next_turn(
    clock: Clock, store: MemoryLeases
) -> None:
    member = Membership(store, "a", TTL, clock)
    await member.turn()
    member.let_go()
    clock.seconds += 101
    await member.turn()
    await member.acquire(["x"])
    store.away = True
    with pytest.raises(BrokerUnavailableError):
        await member.release(["x"])
    store.away = False
    await member.turn()
    assert (member.held, store.holders) == (set(), {})
