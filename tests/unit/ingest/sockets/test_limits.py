"""How often an address may connect, and how long a sender is waited for."""

import asyncio

import pytest

from tonewatch.ingest.sockets.events import Audio
from tonewatch.ingest.sockets.limits import MOST_ADDRESSES, ConnectRate
from tonewatch.ingest.sockets.patience import Patience


def test_connects_beyond_the_rate_are_refused_until_time_passes() -> None:
    rate = ConnectRate(3)
    assert [rate.admit("a", 0) for _ in range(5)] == [True, True, True, False, False]
    assert rate.admit("b", 0), "each address by itself"
    assert [rate.admit("a", 0.4) for _ in range(2)] == [True, False]
    assert [rate.admit("a", 60) for _ in range(4)] == [True, True, True, False]


def test_a_rate_below_one_a_second_still_admits() -> None:
    rate = ConnectRate(0.5)
    assert [rate.admit("a", now) for now in (0, 1, 2)] == [True, False, True]


def test_the_table_of_addresses_stays_small() -> None:
    rate = ConnectRate(1)
    for number in range(3 * MOST_ADDRESSES):
        rate.admit(str(number), 0)
    assert len(rate._buckets) == MOST_ADDRESSES


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience(hello_seconds=5, stall_seconds=10, ahead_seconds=30, now=clock)


def audio(seconds: float) -> Audio:
    return Audio(bytes(2 * int(seconds * 8000)), 8000)


def test_the_time_to_say_hello_is_not_prolonged_by_anything(
    clock: Clock, patience: Patience
) -> None:
    clock.now += 4
    assert patience.until == 105
    assert "whose audio" in patience.complaint


def test_audio_puts_the_end_off_but_single_bytes_do_not(clock: Clock, patience: Patience) -> None:
    patience.started(1)
    assert patience.until == 110
    clock.now += 8
    for _ in range(20):
        patience.heard(Audio(b"\0", 8000))
    assert patience.until == 110
    patience.heard(audio(0.1))
    assert patience.until == 118
    assert patience.complaint == "no audio for 10 s"


async def test_what_runs_too_far_ahead_waits(
    clock: Clock, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    patience.started(1)
    patience.began()
    clock.now += 2
    await patience.pace(31)
    assert slept == []
    await patience.pace(35)
    assert slept == [3]
    assert patience.until == 112, "nothing was listened to while it waited"
