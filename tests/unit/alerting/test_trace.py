"""A trace says why a rule fired, or where it stopped, and agrees with the engine."""

import pytest

from tests.support.messages import START, posterior
from tonewatch.alerting.cases._audio import seconds_of, ticks_of_text
from tonewatch.alerting.engine import (
    Call,
    Timing,
    TracedSecond,
    TrackState,
    compile_rules,
    evaluate,
    trace,
)
from tonewatch.alerting.rules import parse_rules
from tonewatch.shared.messages import Speaker, Track

TRACK = Track(session_id="call-1", speaker=Speaker.CUSTOMER)
STAGES = """sequence: {within_sec: 10, stages: [
  {emotion: neutral, threshold: 0.5}, {emotion: angry, threshold: 0.5}]}"""
LEVEL = "emotion: angry, threshold: 0.7, duration_sec: 2"


def traced(rule: str, *audio: str, timing: Timing | None = None) -> list[TracedSecond]:
    rules = compile_rules(parse_rules(f"rules: [{{name: a, {rule}}}]".encode(), "r").rules)
    ticks = [tick for stretch in audio for tick in ticks_of_text(stretch)]
    seconds = list(seconds_of(ticks, START))
    found = list(trace(rules, TRACK, seconds, timing or Timing(), Call()))
    state, said = TrackState(), []
    for second in seconds:
        said += evaluate(rules, TRACK, state, second, timing or Timing())
    assert [each for second in found for each in second.transitions] == said
    return found


def test_a_row_that_is_broken_says_by_what() -> None:
    seen = traced(LEVEL, "1s neutral", "1.5s angry 0.9", "0.5s angry 0.4", "1s neutral")
    assert [each.standing.value for each in seen] == ["idle", "pending", "idle", "idle"]
    assert [each.reason for each in seen] == [
        "0 is not above 0.7",
        "not long enough yet: 1 of 2 s",
        "starts again: 0.9 is above 0.7 in some steps only, which is not long enough in a row",
        "0 is not above 0.7; the track ends",
    ]
    assert [each.value for each in seen] == [0, 0.9, 0.9, 0]
    assert (seen[1].held_seconds, seen[1].needed_seconds) == (1, 2)


def test_an_alert_is_followed_from_pending_to_resolved() -> None:
    seen = traced(LEVEL, "1s angry 0.9", "1s silence", "1s angry 0.8", "1s angry 0.9", "4s neutral")
    assert [(each.standing.value, each.reason) for each in seen] == [
        ("pending", "not long enough yet: 1 of 2 s"),
        ("pending", "nobody speaks, 1 of 1 s of pause bridged; 1 of 2 s"),
        ("firing", "fires: 0.8 is above 0.7 for 2 s"),
        ("firing", "still holds"),
        ("firing", "calm for 1 of 3 s"),
        ("firing", "calm for 2 of 3 s"),
        ("idle", "resolved: 3 s of calm in a row"),
        ("idle", "0 is not above 0.7; the track ends"),
    ]


def test_what_fires_at_the_end_resolves_there() -> None:
    last = traced(LEVEL, "3s angry 0.9")[-1]
    assert last.reason == "still holds; the track ends, so it resolves"
    assert (last.standing.value, len(last.transitions)) == ("firing", 1)


@pytest.mark.parametrize(
    ("rule", "audio", "reason"),
    [
        (LEVEL, ["1s angry 0.9", "2s silence"], "nobody speaks for longer than the 1 s"),
        (LEVEL, ["1s angry 0.9", "2s gap", "1s angry 0.7"], "0.7 is not above 0.7"),
        (LEVEL, ["2s gap"], "there is no score"),
        (
            "combination: {emotions: [angry, sad], min_sum: 0.8}",
            ["1s angry 0.4 sad 0.3"],
            "0.7 is less than 0.8",
        ),
        (
            "change: {emotion: angry, rise: 0.3, baseline_sec: 5}",
            ["3s neutral"],
            "not known yet: 3 of 5 s of speech",
        ),
        (
            "change: {emotion: angry, rise: 0.3, baseline_sec: 5}",
            ["5s angry 0.4", "1s angry 0.6"],
            "0.2 is not above 0.3 over the speaker's own mean",
        ),
        (
            "emotion: angry, threshold: 0.7, share: {at_least_sec: 3, of_last_sec: 10}",
            ["1s angry 0.9", "1s neutral", "1s angry 0.9"],
            "not long enough yet: 2 of 3 s of the last 10 s",
        ),
        (
            STAGES,
            ["1s neutral", "1s angry 0.4 neutral 0.6"],
            "stages: neutral 0.6 holds, angry 0.4",
        ),
        (
            "no_data: {kind: silence, longer_than_sec: 5}",
            ["3s silence"],
            "not long enough yet: 3 of 5 s",
        ),
        ("no_data: {kind: silence, longer_than_sec: 5}", ["3s neutral"], "somebody speaks"),
        (
            LEVEL + ", active_time: {from: '20:00', to: '21:00', timezone: UTC}",
            ["3s angry 0.9"],
            "outside the rule's active_time",
        ),
    ],
)
def test_the_last_second_says_why_it_went_no_further(
    rule: str, audio: list[str], reason: str
) -> None:
    last = traced(rule, *audio, timing=Timing(gap_tolerance=1))[-1]
    assert reason in last.reason
    assert not last.transitions


def test_a_posterior_is_the_same_however_it_is_written() -> None:
    (second,) = seconds_of(ticks_of_text("1s angry 0.9"), START)
    assert second.probabilities == pytest.approx(posterior("angry", 0.9))
