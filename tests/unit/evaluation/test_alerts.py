"""Rules run over labelled calls as they run over live ones."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.evaluation.stubs import saying
from tonewatch.alerting.rules import Combination, Rule
from tonewatch.evaluation.alerts import AlertFigures, alert_figures, firings
from tonewatch.evaluation.calls import Call, Scored
from tonewatch.evaluation.labelled import Segment
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import Speaker

RULE = Rule(name="anger", emotion=Emotion.ANGRY, threshold=0.7, duration_sec=3)

SAID = {"a": Emotion.ANGRY, "n": Emotion.NEUTRAL, "s": Emotion.SAD}


def scored(letters: str) -> Scored:
    """A letter per second: angry, neutral, sad, or `-` for silence."""
    return [None if letter == "-" else saying(SAID[letter])[0] for letter in letters]


def call(*stretches: tuple[Emotion, float, float]) -> Call:
    return Call(
        tuple(
            Segment(path=Path("call.wav"), emotion=emotion, start_seconds=start, end_seconds=end)
            for emotion, start, end in stretches
        )
    )


def measured(letters: str, *stretches: tuple[Emotion, float, float]) -> AlertFigures:
    (found,) = alert_figures([(call(*stretches), scored(letters))], [RULE], 1.0)
    return found


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("nnaaaan", [(5.0, 7.0)]),
        ("aanaa", []),
        ("aa-aannn", [(4.0, 8.0)]),  # a pause of a second neither counts nor breaks
        ("aa--aann", []),
        ("aaannnaaa", [(3.0, 6.0), (9.0, 9.0)]),
        ("aaa-------", [(3.0, 7.0)]),  # silence beyond that pause is calm
        ("", []),
    ],
)
def test_an_alert_fires_and_resolves_as_live(
    letters: str, expected: list[tuple[float, float]]
) -> None:
    assert firings(RULE, scored(letters)) == expected


def test_a_rule_for_one_speaker_is_heard_as_well() -> None:
    rule = RULE.model_copy(update={"speaker": Speaker.CUSTOMER})
    assert firings(rule, scored("aaan")) == [(3.0, 4.0)]


def test_alerts_are_right_missed_or_false() -> None:
    found = measured(
        "nnaaaaannnnnaaaannnnnnnnn",
        (Emotion.NEUTRAL, 0, 2),
        (Emotion.ANGRY, 2, 4.5),
        (Emotion.ANGRY, 5, 7),  # close enough to be one stretch with the one before
        (Emotion.ANGRY, 18, 22),
        (Emotion.ANGRY, 23.5, 25),  # too short for the rule
    )
    assert (found.stretches, found.found, found.missed) == (2, 1, 1)
    assert (found.right, found.false) == (1, 1)
    assert found.mean_delay_seconds == pytest.approx(3)
    assert found.hours == pytest.approx(25 / 3600)
    assert found.false_per_hour.value == pytest.approx(3600 / 25)


def test_an_alert_may_come_a_window_late_and_no_later() -> None:
    late = measured("nnnaaan", (Emotion.ANGRY, 2, 5))
    too_late = measured("nnnnaaan", (Emotion.ANGRY, 2, 5))
    assert (late.found, late.false, late.mean_delay_seconds) == (1, 0, 4.0)
    assert (too_late.found, too_late.false, too_late.mean_delay_seconds) == (0, 1, None)


def test_a_stretch_that_keeps_an_alert_going_is_found() -> None:
    found = measured("aaanaaan", (Emotion.ANGRY, 0, 3), (Emotion.ANGRY, 4.5, 7.5))
    assert (found.stretches, found.found, found.right) == (2, 2, 1)
    assert found.mean_delay_seconds == pytest.approx((3 + 0) / 2)


def test_an_alert_that_only_lingers_has_found_nothing() -> None:
    found = measured("aaannnnnnnn", (Emotion.ANGRY, 4, 9))
    assert (found.found, found.missed, found.false) == (0, 1, 1)


def test_an_alert_in_a_stretch_that_is_too_short_is_not_false() -> None:
    found = measured("aaan", (Emotion.ANGRY, 0, 2.5))
    assert (found.stretches, found.right, found.false) == (0, 1, 0)


def test_a_combination_is_found_by_any_of_its_emotions() -> None:
    combination = Combination(emotions=(Emotion.SAD, Emotion.ANGRY), min_sum=0.8)
    rule = Rule(name="upset", combination=combination)
    off = RULE.model_copy(update={"enabled": False})
    labelled = call((Emotion.SAD, 1, 2), (Emotion.ANGRY, 2, 4))
    (found,) = alert_figures([(labelled, scored("nsaan"))], [rule, off], 1.0)
    assert (found.rule, found.stretches, found.found) == ("upset", 1, 1)
    assert found.mean_delay_seconds == pytest.approx(1)


def test_false_alerts_are_counted_over_all_calls() -> None:
    calls = [(call((Emotion.NEUTRAL, 0, 9)), scored(letters)) for letters in ("aaan" * 9, "n" * 36)]
    (found,) = alert_figures(calls, [RULE], 1.0)
    rate = found.false / (72 / 3600)
    assert (found.calls, found.false) == (2, 1)
    assert found.false_per_hour.value == pytest.approx(rate)
    assert found.false_per_hour.low == 0
    assert found.false_per_hour.high == pytest.approx(2 * rate)


def test_with_one_call_there_are_no_bounds() -> None:
    rate = measured("aaan", (Emotion.NEUTRAL, 0, 4)).false_per_hour
    assert np.allclose([rate.low, rate.high], rate.value)
