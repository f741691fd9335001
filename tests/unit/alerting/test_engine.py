"""The engine: single cases that people ask about, and a slow, obvious reference for all others."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.messages import START, make_gap, make_score, posterior
from tonewatch.alerting.engine import (
    Bounds,
    CompiledRules,
    Held,
    Reorder,
    Second,
    Timing,
    TrackState,
    Transition,
    Verdict,
    compile_rules,
    evaluate,
    second_of,
)
from tonewatch.alerting.rules import parse_rules
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import Speaker, Track

TRACK = Track(session_id="call-1", speaker=Speaker.MIXED)


def rules(text: str) -> CompiledRules:
    return compile_rules(parse_rules(f"rules:\n- {{{text}}}\n".encode(), "r").rules)


ANGRY = rules("name: angry, emotion: angry, threshold: 0.75, duration_sec: 2")


def second(seq: int, kind: str) -> Second:
    """One second by a letter: H holds, n does not, s silence, g unheard, N not a number."""
    if kind == "s":
        return second_of(make_score(seq, "no_speech"))
    if kind == "g":
        return second_of(make_gap(seq, seq))
    if kind == "N":
        return second_of(make_score(seq, probabilities=(float("nan"),) * len(EMOTIONS)))
    return second_of(make_score(seq, "angry", 0.9 if kind == "H" else 0.1))


def play(pattern: str, compiled: CompiledRules = ANGRY, timing: Timing | None = None) -> list[str]:
    """What fires and resolves, as "firing 0-1" (first and last second that held)."""
    state, said = TrackState(), []
    for seq, kind in enumerate(pattern):
        heard = second(seq, kind)
        transitions = evaluate(compiled, TRACK, state, heard, timing or Timing())
        said += [tell(transition, seq) for transition in transitions]
    return said


def tell(transition: Transition, seq: int) -> str:
    return f"{transition.state.value} {transition.first_seq}-{transition.last_seq} @{seq}"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("HnHnH", []),
        ("nHH", ["firing 1-2 @2"]),
        ("HsH", ["firing 0-2 @2"]),  # a pause within the tolerance bridges
        ("HgH", ["firing 0-2 @2"]),
        ("HNH", ["firing 0-2 @2"]),
        ("HssH", []),  # a longer one does not
        ("HgsH", []),
        ("HHHH", ["firing 0-1 @1"]),  # it fires once
        ("HHnnn", ["firing 0-1 @1", "resolved 0-1 @4"]),
        ("HHnnHnn", ["firing 0-1 @1"]),  # anger that returns keeps it firing
        ("HHnnsn", ["firing 0-1 @1", "resolved 0-1 @5"]),
        ("HHsss", ["firing 0-1 @1"]),
        ("HHssss", ["firing 0-1 @1", "resolved 0-1 @5"]),  # long silence is calm
        ("HHgggggggggg", ["firing 0-1 @1"]),  # a dead worker is not
        ("HHnnnHH", ["firing 0-1 @1", "resolved 0-1 @4", "firing 5-6 @6"]),
        ("sssss", []),
    ],
)
def test_a_run_of_seconds_fires_and_resolves_as_told(pattern: str, said: list[str]) -> None:
    assert play(pattern) == said


def test_the_threshold_is_strict_and_the_sum_is_not() -> None:
    above = rules("name: a, emotion: angry, threshold: 0.9")
    assert play("H", above) == []
    both = rules("name: b, combination: {emotions: [sad, neutral], min_sum: 0.8}")
    values = [0.0] * len(EMOTIONS)
    values[EMOTIONS.index("sad")], values[EMOTIONS.index("neutral")] = 0.1, 0.7
    assert sum(values) < 0.8  # in binary; the sum is meant to be 0.8
    exactly = Second(first=0, last=0, probabilities=tuple(values), captured_at=START)
    (fired,) = evaluate(both, TRACK, TrackState(), exactly, Timing())
    assert (fired.value, fired.facts.threshold) == (0.8, 0.8)
    assert fired.facts.emotions == ("sad", "neutral")


def test_a_combination_without_a_duration_fires_on_the_first_second_that_holds() -> None:
    one = rules("name: b, combination: {emotions: [angry, sad], min_sum: 0.8}")
    assert play("nH", one) == ["firing 1-1 @1"]


def test_an_alert_says_when_what_and_how_much() -> None:
    state = TrackState()
    evaluate(ANGRY, TRACK, state, second(4, "H"), Timing())
    strong = second_of(make_score(5, "angry", 0.95))
    (fired,) = evaluate(ANGRY, TRACK, state, strong, Timing())
    assert fired.facts.alert_id == derived_id("angry", "call-1:mixed", "4000")
    assert (fired.started_at, fired.at) == (
        START + timedelta(seconds=4),
        START + timedelta(seconds=6),
    )
    assert fired.value == pytest.approx(0.95)
    assert fired.facts.message == "angry: angry 0.95 > 0.75 (2 s)"


def test_a_rule_for_one_speaker_does_not_hear_the_other() -> None:
    of_customer = rules("name: a, emotion: angry, threshold: 0.5, speaker: customer")
    customer = Track(session_id="call-1", speaker=Speaker.CUSTOMER)
    agent = Track(session_id="call-1", speaker=Speaker.AGENT)
    assert evaluate(of_customer, agent, TrackState(), second(0, "H"), Timing()) == []
    assert len(evaluate(of_customer, customer, TrackState(), second(0, "H"), Timing())) == 1


def test_an_alert_of_a_rule_that_was_removed_is_resolved_as_it_was_fired() -> None:
    state = TrackState()
    for seq in range(2):
        evaluate(ANGRY, TRACK, state, second(seq, "H"), Timing())
    (resolved,) = evaluate(CompiledRules(), TRACK, state, second(2, "H"), Timing())
    assert (resolved.state, resolved.rule, resolved.facts.threshold) == ("resolved", "angry", 0.75)
    assert state.runs == {}


def test_the_last_frame_resolves_what_fires_and_forgets_the_track() -> None:
    state = TrackState()
    evaluate(ANGRY, TRACK, state, second(0, "H"), Timing())
    last = second_of(make_score(1, "angry", 0.9, final=True))
    said = [item.state for item in evaluate(ANGRY, TRACK, state, last, Timing())]
    assert said == ["firing", "resolved"]
    assert state.ended
    assert state.runs == {}


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 7.0, -1.0])
def test_numbers_that_are_no_probabilities_fire_nothing(wrong: float) -> None:
    values = (wrong, *posterior("angry")[1:])
    assert second_of(make_score(0, probabilities=values)).probabilities is None


def held(seq: int, entry: str = "", **changes: Any) -> Held[None]:
    return Held(second_of(make_score(seq, **changes)), entry or f"{seq}-0", None)


def drain(reorder: Reorder[None], state: TrackState, now: float = 0.0) -> list[tuple[str, int]]:
    out = []
    while taken := reorder.take(state, now):
        verdict, item = taken
        out.append((verdict.name, item.second.first))
        if verdict is Verdict.READY:
            evaluate(ANGRY, TRACK, state, item.second, Timing())
    return out


def test_a_missing_second_is_waited_for_until_enough_newer_audio_has_come() -> None:
    reorder, state = Reorder[None](Bounds(newer_seconds=3, least_wait_seconds=10)), TrackState()
    reorder.offer(held(0))
    assert drain(reorder, state) == [("READY", 0)]
    for seq in (2, 3):
        reorder.offer(held(seq))
    assert drain(reorder, state, now=0) == []
    assert drain(reorder, state, now=11) == []  # waited long, but only two newer seconds
    reorder.offer(held(4))
    assert drain(reorder, state, now=11) == [("READY", 2), ("READY", 3), ("READY", 4)]
    reorder.offer(held(1))
    reorder.offer(held(3, "again"))
    assert drain(reorder, state) == [("LATE", 1), ("DOUBLED", 3)]


def test_an_upload_that_runs_faster_than_live_still_waits_some_time() -> None:
    reorder, state = Reorder[None](Bounds(newer_seconds=3, least_wait_seconds=10)), TrackState()
    for seq in range(1, 60):
        reorder.offer(held(seq))
    assert drain(reorder, state, now=5) == []
    assert drain(reorder, state, now=14.9) == []
    assert len(drain(reorder, state, now=15)) == 59


def test_the_end_of_a_track_does_not_wait_for_ever() -> None:
    reorder, state = Reorder[None](Bounds(longest_wait_seconds=30)), TrackState()
    reorder.offer(held(1, final=True))
    assert drain(reorder, state, now=0) == []
    assert drain(reorder, state, now=30) == [("READY", 1)]
    assert state.ended
    reorder.offer(held(0))
    assert drain(reorder, state, now=31) == [("DOUBLED", 0)]


def test_what_is_held_is_bounded_and_the_same_entry_is_known_again() -> None:
    reorder, state = Reorder[None](Bounds(most_held=4)), TrackState()
    assert reorder.offer(held(5)) is Verdict.HELD
    assert reorder.offer(held(5)) is Verdict.KNOWN
    assert reorder.offer(held(5, "other")) is Verdict.DOUBLED
    for seq in (6, 7):
        reorder.offer(held(seq))
    assert drain(reorder, state) == []
    reorder.offer(held(8))
    assert len(drain(reorder, state)) == 4


def test_a_gap_counts_as_the_seconds_it_names() -> None:
    reorder, state = Reorder[None](Bounds()), TrackState()
    reorder.offer(held(0))
    reorder.offer(Held(second_of(make_gap(1, 4)), "gap", None))
    reorder.offer(held(3, "inside"))
    reorder.offer(held(5))
    assert [name for name, _ in drain(reorder, state)] == ["READY", "READY", "DOUBLED", "READY"]
    assert state.next_seq == 6
