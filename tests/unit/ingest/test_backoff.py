"""Pauses between attempts."""

from tonewatch.ingest.live.backoff import Backoff


def pauses(backoff: Backoff, count: int, *, broken: bool = False) -> list[float]:
    return [backoff.next_seconds(broken=broken) for _ in range(count)]


def test_pauses_double_to_the_cap_with_a_fifth_of_jitter() -> None:
    found = pauses(Backoff(cap_seconds=2, broken_cap_seconds=30), 5)
    for seconds, base in zip(found, [0.5, 1, 2, 2, 2], strict=True):
        assert 0.8 * base <= seconds <= 1.2 * base


def test_what_answers_without_audio_is_asked_less_and_less() -> None:
    found = pauses(Backoff(cap_seconds=2, broken_cap_seconds=30), 8, broken=True)
    assert found[-1] >= 24


def test_audio_makes_the_pauses_short_again() -> None:
    backoff = Backoff(cap_seconds=2, broken_cap_seconds=30)
    pauses(backoff, 8, broken=True)
    backoff.reset()
    assert backoff.next_seconds() <= 0.6
