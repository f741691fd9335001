"""How long somebody has to wait who guesses."""

import pytest

from tonewatch.console.auth import limiter
from tonewatch.console.auth.limiter import (
    FIRST_WAIT_SECONDS,
    FORGET_SECONDS,
    FREE_ATTEMPTS,
    Limiter,
    Subject,
    TooManyAttemptsError,
)

ACCOUNT = Subject("name lin", 60)
ADDRESS = Subject("address 192.0.2.1", 900)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> Limiter:
    return Limiter(clock)


def wait_of(limit: Limiter, *subjects: Subject) -> float:
    """The wait after an attempt, which may be none."""
    try:
        limit.attempt(subjects)
    except TooManyAttemptsError as error:
        return error.seconds
    return 0


def exhaust(limit: Limiter, *subjects: Subject) -> None:
    for _ in range(FREE_ATTEMPTS):
        limit.attempt(subjects)


def test_the_wait_doubles_up_to_its_bound(limit: Limiter, clock: Clock) -> None:
    exhaust(limit, ACCOUNT)
    waits = []
    for _ in range(8):
        waits.append(wait_of(limit, ACCOUNT))
        clock.now += waits[-1]
        assert wait_of(limit, ACCOUNT) == 0
    assert waits == [FIRST_WAIT_SECONDS * 2**n for n in range(5)] + [60, 60, 60]


def test_an_attempt_during_the_wait_changes_nothing(limit: Limiter, clock: Clock) -> None:
    exhaust(limit, ACCOUNT)
    for _ in range(100):
        assert wait_of(limit, ACCOUNT) == FIRST_WAIT_SECONDS
    clock.now += FIRST_WAIT_SECONDS
    assert wait_of(limit, ACCOUNT) == 0


def test_one_who_waits_is_not_counted_for_the_other(limit: Limiter) -> None:
    exhaust(limit, ACCOUNT)
    for _ in range(20):
        assert wait_of(limit, ACCOUNT, ADDRESS) > 0
    exhaust(limit, ADDRESS)


def test_success_clears_the_account_but_not_what_the_address_has_guessed_at_others(
    limit: Limiter, clock: Clock
) -> None:
    for _ in range(FREE_ATTEMPTS - 1):
        limit.attempt([ACCOUNT, ADDRESS])
    limit.clear(ACCOUNT)
    limit.forgive(ADDRESS)
    other = Subject("name chen", 60)
    for _ in range(2):
        limit.attempt([other, ADDRESS])
    assert wait_of(limit, other, ADDRESS) > 0
    exhaust(limit, ACCOUNT)


def test_an_hour_without_attempts_is_forgiven(limit: Limiter, clock: Clock) -> None:
    exhaust(limit, ACCOUNT)
    clock.now += FORGET_SECONDS + 1
    exhaust(limit, ACCOUNT)


def test_many_names_do_not_fill_the_memory(limit: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "MOST_KEPT", 10)
    for number in range(100):
        limit.attempt([Subject(f"name {number}", 60)])
    assert len(limit._tallies) == 10
