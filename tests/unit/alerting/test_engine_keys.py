"""What each key of a rule does in the engine, one case each; the rest is compared elsewhere."""

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.support.messages import START, make_gap, make_score, posterior
from tonewatch.alerting.engine import (
    UNKNOWN_CALL,
    Call,
    CompiledRules,
    Second,
    Timing,
    TrackState,
    Transition,
    compile_rules,
    evaluate,
    evaluate_utterance,
    second_of,
    utterance_of,
)
from tonewatch.alerting.rules import parse_rules
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.messages import AlertAction, Escalation, Granularity, Speaker, Track

TRACK = Track(session_id="call-1", speaker=Speaker.CUSTOMER)
ANGER = "emotion: angry, threshold: 0.75"


def rule(keys: str) -> CompiledRules:
    return compile_rules(parse_rules(f"rules:\n- {{name: r, {keys}}}\n".encode(), "r").rules)


def steps(letters: str) -> tuple[Second, ...]:
    """Seconds of ten steps; A is angry (0.9), a a little (0.5), F fearful, N neutral."""
    moods = {
        "A": posterior("angry", 0.9),
        "a": posterior("angry", 0.5),
        "F": posterior("fearful", 0.9),
        "N": posterior("neutral", 0.9),
    }
    seconds = []
    for seq, part in enumerate(letters.split()):
        if part == "s":
            seconds.append(second_of(make_score(seq, "no_speech")))
            continue
        if part == "g":
            seconds.append(second_of(make_gap(seq, seq)))
            continue
        rows = np.array([moods[letter] for letter in (10 * part)[:10]], dtype="<f4")
        score = make_score(seq, probabilities=moods[part[0]], steps=10)
        seconds.append(second_of(score, rows.tobytes()))
    return tuple(seconds)


def play(rules: CompiledRules, letters: str, call: Call = UNKNOWN_CALL) -> list[Transition]:
    state, said = TrackState(), []
    for second in steps(letters):
        said += evaluate(rules, TRACK, state, second, Timing(), call)
        state = TrackState.decode(state.encode())
    return said


def told(said: list[Transition]) -> list[tuple[str, float]]:
    return [(each.state.value, (each.at - START).total_seconds()) for each in said]


def test_one_and_a_half_seconds_are_fifteen_steps() -> None:
    half = rule(f"{ANGER}, duration_sec: 1.5")
    assert told(play(half, "NNNNNAAAAA A N")) == [("firing", 2.0)]
    assert told(play(half, "NNNNNNAAAA AAAAAAAAAA N")) == []
    assert told(play(half, "A AAAAA N")) == [("firing", 1.5)]


def test_a_short_dip_is_bridged_and_does_not_count() -> None:
    assert told(play(rule(f"{ANGER}, duration_sec: 1.5"), "A AAANAAAAAA A")) == [("firing", 1.6)]


def test_a_longer_dip_breaks_a_row() -> None:
    assert told(play(rule(f"{ANGER}, duration_sec: 1.5"), "A ANNNNAAAAA A")) == [("firing", 3.0)]


def test_without_steps_the_second_s_own_posterior_holds_for_all_of_it() -> None:
    state, said = TrackState(), []
    for seq in range(2):
        second = second_of(make_score(seq, "angry", 0.9))
        said += evaluate(rule(f"{ANGER}, duration_sec: 1.5"), TRACK, state, second, Timing())
    assert told(said) == [("firing", 1.5)]


@pytest.mark.parametrize("broken", ["short", "nan", "large"])
def test_steps_that_are_no_probabilities_are_left_aside(broken: str) -> None:
    rows = np.full((10, len(EMOTIONS)), {"nan": np.nan, "large": 7.0}.get(broken, 0.9), "<f4")
    blob = rows.tobytes()[: 100 if broken == "short" else None]
    second = second_of(make_score(0, "neutral", steps=10), blob)
    assert evaluate(rule(ANGER), TRACK, TrackState(), second, Timing()) == []


def test_the_last_second_of_a_track_may_be_short() -> None:
    state, said = TrackState(), []
    for seq, end in ((0, 1000), (1, 1400)):
        score = make_score(seq, "angry", 0.9, end_ms=end, final=seq == 1)
        said += evaluate(
            rule(f"{ANGER}, duration_sec: 1.4"), TRACK, state, second_of(score), Timing()
        )
    assert told(said) == [("firing", 1.4), ("resolved", 1.4)]


def test_any_of_several_emotions_will_do() -> None:
    both = rule("emotion: [angry, fearful], threshold: 0.75, duration_sec: 2")
    assert told(play(both, "A F")) == [("firing", 2.0)]


def test_hysteresis_keeps_an_alert_while_the_value_is_above_the_level() -> None:
    plain, held = rule(ANGER), rule(f"{ANGER}, resolve: {{level: 0.4, after_sec: 1}}")
    assert told(play(plain, "A a a a"))[-1] == ("resolved", 4.0)
    assert told(play(held, "A a a a N")) == [("firing", 1.0), ("resolved", 5.0)]


def test_a_rule_for_labels_sees_only_the_calls_that_have_them() -> None:
    vip = rule(f"{ANGER}, match: ['tier=vip', 'queue!~test.*']")
    assert play(vip, "A") == []
    assert play(vip, "A", Call("s", {"tier": "vip", "queue": "test1"})) == []
    assert len(play(vip, "A", Call("s", {"tier": "vip", "queue": "sales"}))) == 1


def test_labels_are_compared_once_for_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    vip, seen = rule(f"{ANGER}, match: ['tier=~vip']"), []
    choose = CompiledRules._choose

    def counted(self: CompiledRules, *key: Any) -> Any:
        seen.append(key)
        return choose(self, *key)

    monkeypatch.setattr(CompiledRules, "_choose", counted)
    play(vip, "A A A A", Call("s", {"tier": "vip"}))
    assert len(seen) == 1


def test_outside_its_hours_a_condition_does_not_begin_but_goes_on() -> None:
    """The track begins at 09:00:00 UTC."""
    hours = 'active_time: {{from: "{}", to: "{}", timezone: UTC}}, duration_sec: 1.5'
    at_work = rule(f"{ANGER}, {hours.format('09:00', '10:00')}")
    later = rule(f"{ANGER}, {hours.format('09:01', '10:00')}")
    assert len(play(at_work, "A A")) == 1
    assert play(later, "A A") == []
    minute = " ".join(["N"] * 59 + ["A", "A", "A"])
    assert told(play(later, minute)) == [("firing", 61.5)]
    ending = rule(f"{ANGER}, {hours.format('08:00', '09:01')}")
    assert told(play(ending, minute)) == [("firing", 60.5)]


def test_a_share_needs_no_row() -> None:
    share = rule(f"{ANGER}, share: {{at_least_sec: 1.2, of_last_sec: 4}}")
    assert told(play(share, "AAANNNNNNN s AAANNNNNNN AAAAAANNNN")) == [("firing", 3.6)]
    assert told(play(share, "AAANNNNNNN s AAANNNNNNN N AAAAAANNNN")) == []


def test_a_sequence_is_counted_from_the_last_moment_of_its_first_stage() -> None:
    keys = "sequence: {{stages: [{}, {}, {}], within_sec: {}}}"
    stages = [f"{{emotion: {e}, threshold: 0.5}}" for e in ("neutral", "fearful", "angry")]
    assert told(play(rule(keys.format(*stages, 4)), "N N N N F s A")) == [("firing", 7.0)]
    assert told(play(rule(keys.format(*stages, 3)), "N N N N F s A")) == [("firing", 7.0)]
    # complete at 7.1, which is 3.1 after the last neutral moment
    assert told(play(rule(keys.format(*stages, 3)), "N N N N F s aAAAAAAAAA A")) == []
    assert play(rule(keys.format(*stages, 9)), "N N A F") == []
    (fired,) = play(rule(keys.format(*stages, 9)), "N N F A")
    assert (fired.first_seq, fired.last_seq, fired.facts.emotions) == (
        2,
        3,
        ("neutral", "fearful", "angry"),
    )
    assert fired.facts.message == "r: neutral → fearful → angry within 9 s"


def test_a_sequence_that_has_only_begun_is_no_news() -> None:
    """Calm speech must not make every track urgent."""
    stages = "[{emotion: neutral, threshold: 0.5}, {emotion: angry, threshold: 0.5}]"
    rules, state = rule(f"sequence: {{stages: {stages}, within_sec: 5}}"), TrackState()
    neutral, angry = steps("N aAAAAAAAAA")
    evaluate(rules, TRACK, state, neutral, Timing())
    assert not state.is_urgent
    evaluate(rules, TRACK, state, angry, Timing())
    assert state.is_urgent


def test_a_change_is_a_rise_against_the_speaker_s_own_first_speech() -> None:
    change = rule("change: {emotion: angry, rise: 0.3, baseline_sec: 5}")
    assert told(play(change, "N N N N N N A")) == [("firing", 7.0)]
    assert play(change, "A A A A A A A") == []  # who always sounds angry
    assert play(change, "N N N A A") == []  # nothing holds before the mean is known
    (fired,) = play(change, "N s N N g N N A")
    assert fired.value == pytest.approx(0.9 - 0.0125)
    assert fired.facts.message.startswith("r: angry 0.89 > 0.3 above the speaker's own mean")


def test_silence_ends_with_speech_and_not_with_a_missing_second() -> None:
    silence = rule("no_data: {kind: silence, longer_than_sec: 2}")
    assert told(play(silence, "N s s N")) == []
    assert told(play(silence, "N s s s N")) == [("firing", 3.0), ("resolved", 4.0)]
    assert told(play(silence, "N s s g s g g")) == [("firing", 4.0)]


def utterance(number: int, seconds: float, probability: float, start: float = 0) -> Any:
    begin = round(1000 * start)
    score = make_score(
        number,
        "angry",
        probability,
        granularity=Granularity.UTTERANCE,
        start_ms=begin,
        end_ms=begin + round(1000 * seconds),
        captured_at=START + timedelta(milliseconds=begin),
    )
    return utterance_of(score)


def test_utterances_are_observations_as_long_as_they_are() -> None:
    rules, state = rule(f"{ANGER}, granularity: utterance, duration_sec: 2"), TrackState()

    def say(*args: Any) -> list[tuple[str, float]]:
        heard = utterance(*args)
        return told(evaluate_utterance(rules, TRACK, state, heard, Timing()))

    assert say(0, 1.5, 0.9, 0) == []
    assert say(1, 1.5, 0.9, 10) == [("firing", 10.5)]
    assert [
        each for second in steps("A A") for each in evaluate(rules, TRACK, state, second, Timing())
    ] == []  # seconds are not its matter
    assert say(2, 4.0, 0.2, 20) == [("resolved", 23.0)]


def test_an_utterance_that_is_scored_after_the_end_fires_and_is_over() -> None:
    rules, state = rule(f"{ANGER}, granularity: utterance"), TrackState()
    evaluate(rules, TRACK, state, second_of(make_score(0, "angry", final=True)), Timing())
    said = evaluate_utterance(rules, TRACK, state, utterance(0, 1.5, 0.9), Timing())
    assert [each.state.value for each in said] == ["firing", "resolved"]


def test_a_message_is_filled_in_in_both_languages() -> None:
    texts = (
        'message: {zh: "{speaker}{emotion} {value} {label.order}", '
        'en: "{rule} {emotion} {threshold} {{x}} {label.none}"}'
    )
    (fired,) = play(rule(f"{ANGER}, {texts}"), "A", Call("s", {"order": "A{rule}7"}))
    assert fired.facts.message == "客户生气 0.90 A{rule}7 / r angry 0.75 {x} -"


def test_an_alert_carries_how_people_are_told() -> None:
    keys = (
        f"{ANGER}, action: review, cooldown_sec: 60, repeat_interval_sec: 90, "
        "expires_after_sec: 900, escalate: [{after_sec: 30, channels: [email]}]"
    )
    (fired,) = play(rule(keys), "A")
    notice = fired.facts.notice
    assert fired.facts.action is AlertAction.REVIEW
    assert (notice.cooldown_seconds, notice.repeat_seconds, notice.expires_seconds) == (60, 90, 900)
    assert notice.escalate == (Escalation(after_seconds=30, channels=("email",)),)


def test_a_rule_that_is_made_another_kind_begins_anew() -> None:
    state = TrackState()
    evaluate(rule(ANGER), TRACK, state, steps("A")[0], Timing())
    share = rule(f"{ANGER}, share: {{at_least_sec: 5, of_last_sec: 9}}")
    said = evaluate(share, TRACK, state, steps("A A")[1], Timing())
    assert [each.state.value for each in said] == ["resolved"]


def test_the_state_of_a_calm_track_is_small_and_a_full_one_comes_back() -> None:
    state = TrackState()
    evaluate(rule(ANGER), TRACK, state, steps("N")[0], Timing())
    assert len(state.encode()) < 100
    assert TrackState.decode(state.encode()) == state
    evaluate(rule(ANGER), TRACK, state, steps("N A")[1], Timing())
    state.pass_missing(3, 4)
    assert TrackState.decode(state.encode()) == state


def test_a_state_of_the_first_version_goes_on_with_its_alert() -> None:
    firing = {
        "alert_id": "a1",
        "priority": "high",
        "channels": ["webhook"],
        "emotions": ["angry"],
        "threshold": 0.75,
        "message": "m",
    }
    run = {"first_seq": 2, "last_seq": 3, "value": 0.9, "started_at": "2026-01-04T09:00:02Z"}
    run |= {"held": 2, "quiet": 0, "below": 2, "firing": firing}
    saved = {"next_seq": 6, "heard_until": "2026-01-04T09:00:06Z", "runs": {"r": run}}
    state = TrackState.decode(json.dumps(saved | {"passed": [], "ended": False}).encode())
    calm = second_of(make_score(6, "neutral"))
    (resolved,) = evaluate(rule(ANGER), TRACK, state, calm, Timing())
    assert (resolved.facts.alert_id, resolved.first_seq, resolved.last_seq) == ("a1", 2, 3)
    assert told([resolved]) == [("resolved", 7.0)]


@pytest.mark.parametrize("saved", [b"", b"2{", b"{}", b"[]", b"3{}", b'{"next_seq":1}'])
def test_what_is_no_state_is_told_as_such(saved: bytes) -> None:
    with pytest.raises(ValueError, match="no state of a track"):
        TrackState.decode(saved)
