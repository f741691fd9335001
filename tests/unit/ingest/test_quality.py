"""The word for a connection, from what it went through."""

from datetime import UTC, datetime, timedelta

import pytest

from tonewatch.ingest.live.drift import Drift, Drifts
from tonewatch.ingest.live.quality import Disturbance, Quality, disturbance, quality, worse
from tonewatch.ingest.live.transitions import SourceState, Transition

NOW = datetime(2026, 1, 4, 12, tzinfo=UTC)
LIVE, STALLED, BACKOFF = SourceState.LIVE, SourceState.STALLED, SourceState.BACKOFF
CONNECTING, IDLE = SourceState.CONNECTING, SourceState.IDLE


def went(*steps: tuple[float, SourceState]) -> list[Transition]:
    """Transitions at so many minutes before now."""
    return [Transition(NOW - timedelta(minutes=ago), state, None) for ago, state in steps]


def word(*steps: tuple[float, SourceState], drift_seconds: float = 0.0) -> Quality | None:
    return quality(disturbance(went(*steps), drift_seconds, NOW))


def test_a_source_that_was_never_live_has_none() -> None:
    assert word((5, CONNECTING), (4, BACKOFF)) is None
    assert word((90, CONNECTING), (80, LIVE), (70, IDLE)) is None, "longer ago than an hour"


def test_an_undisturbed_hour_is_excellent_however_long_the_first_connecting_took() -> None:
    assert word((50, CONNECTING), (40, LIVE)) is Quality.EXCELLENT
    assert word((500, LIVE)) is Quality.EXCELLENT


def test_a_pause_between_two_calls_is_no_loss() -> None:
    assert word((50, LIVE), (40, IDLE), (5, LIVE)) is Quality.EXCELLENT
    # nor is the time between a call's first sign and its first audio
    assert word((50, LIVE), (40, IDLE), (6, CONNECTING), (5, LIVE)) is Quality.EXCELLENT
    assert word((50, LIVE), (40, CONNECTING), (30, LIVE)) is Quality.EXCELLENT


@pytest.mark.parametrize(
    ("away_minutes", "expected"),
    [(0.3, Quality.GOOD), (2, Quality.FAIR), (10, Quality.POOR), (40, Quality.UNUSABLE)],
)
def test_one_loss_weighs_as_much_as_it_lasted(away_minutes: float, expected: Quality) -> None:
    assert word((58, LIVE), (50, STALLED), (50 - away_minutes, LIVE)) is expected


def test_many_short_losses_are_poor() -> None:
    steps = [(58.0, LIVE)]
    for ago in range(50, 40, -1):
        steps += [(ago + 0.01, BACKOFF), (ago, LIVE)]
    assert word(*steps) is Quality.POOR


def test_all_attempts_after_a_loss_count_as_time_away() -> None:
    steps = [(60.0, LIVE), (30.0, BACKOFF), (25.0, CONNECTING), (20.0, BACKOFF), (15.0, CONNECTING)]
    found = disturbance(went(*steps), 0.0, NOW)
    assert found == Disturbance(losses=1, away_share=0.5, drift_seconds=0.0)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [(0, Quality.EXCELLENT), (1, Quality.GOOD), (3, Quality.FAIR), (21, Quality.UNUSABLE)],
)
def test_calls_that_broke_off_within_the_hour_count(lost: int, expected: Quality) -> None:
    calls = [NOW - timedelta(minutes=70), *[NOW - timedelta(minutes=5)] * lost]
    assert quality(disturbance(went((90, LIVE)), 0.0, NOW, calls)) is expected


def test_the_worse_of_two_words() -> None:
    assert worse(Quality.GOOD, Quality.POOR) is worse(Quality.POOR, Quality.GOOD) is Quality.POOR
    assert worse(None, Quality.EXCELLENT) is Quality.EXCELLENT
    assert worse(None, None) is None


def test_what_happened_more_than_an_hour_ago_is_forgiven() -> None:
    assert word((200, LIVE), (100, STALLED), (70, LIVE)) is Quality.EXCELLENT


def test_a_drifting_clock_counts() -> None:
    assert word((50, LIVE), drift_seconds=-3) is Quality.FAIR
    assert word((50, LIVE), drift_seconds=60) is Quality.UNUSABLE


def test_time_away_counts_only_from_the_first_audio_on() -> None:
    found = disturbance(went((60, CONNECTING), (30, LIVE), (15, BACKOFF)), 0.0, NOW)
    assert found == Disturbance(losses=1, away_share=0.5, drift_seconds=0.0)


def test_drift_is_measured_after_the_first_burst() -> None:
    drift = Drift()
    drift.heard(8.0, now=100.0)  # a burst of eight seconds
    drift.heard(18.0, now=110.0)
    assert drift.seconds == 0
    drift.heard(618.6, now=710.0)
    assert drift.seconds == pytest.approx(0.6)


def test_the_worst_clock_of_the_open_calls_is_that_of_the_source() -> None:
    drifts = Drifts()
    assert drifts.seconds == 0
    for at in (0.0, 10.0, 100.0):
        drifts.heard("good", at, at)
        drifts.heard("slow", at * 0.95, at)
        drifts.heard("fast", at * 1.02, at)
    assert drifts.seconds == pytest.approx(-4.5)
    drifts.ended("slow")
    assert drifts.seconds == pytest.approx(1.8)
    drifts.ended("good")
    drifts.ended("fast")
    drifts.ended("never heard")
    assert drifts.seconds == pytest.approx(1.8), "the last call's, until there is another one"
    drifts.heard("new", 1.0, 200.0)
    assert drifts.seconds == 0
