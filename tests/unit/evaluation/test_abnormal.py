"""Figures of what is abnormal, against values worked out by hand and against scikit-learn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from tests.unit.evaluation.stubs import saying
from tonewatch.evaluation.abnormal import RECALL_WANTED, Abnormal, abnormal
from tonewatch.shared.emotions import EMOTIONS, Emotion

ANGRY, NEUTRAL, SAD = Emotion.ANGRY, Emotion.NEUTRAL, Emotion.SAD


def stating(*probabilities: float) -> NDArray[np.float32]:
    """Rows whose abnormal emotions add up to that much."""
    rows = np.zeros((len(probabilities), 9), dtype=np.float32)
    rows[:, EMOTIONS.index(ANGRY)] = rows[:, EMOTIONS.index(SAD)] = np.array(probabilities) / 2
    rows[:, EMOTIONS.index(NEUTRAL)] = 1 - np.array(probabilities)
    return rows


def measured(
    truths: list[Emotion], rows: NDArray[np.float32], false_alarm_rate: float = 0.05
) -> Abnormal:
    found = abnormal(truths, [row[np.newaxis] for row in rows], false_alarm_rate)
    assert found is not None
    return found


def test_abnormal_is_the_sum_of_four_emotions() -> None:
    truths = [ANGRY, SAD, NEUTRAL, NEUTRAL]
    found = measured(truths, saying(SAD, ANGRY, NEUTRAL, NEUTRAL))
    assert (found.auc.value, found.false_alarms.value, found.recall.value) == (1.0, 0.0, 1.0)
    assert (found.windows, found.abnormal_windows) == (4, 2)
    upside_down = measured(truths, saying(NEUTRAL, NEUTRAL, ANGRY, SAD))
    assert upside_down.auc.value == 0.0
    assert upside_down.false_alarms.value == 1.0
    assert upside_down.recall.value == 0.0


def test_both_operating_points_by_hand() -> None:
    truths = [ANGRY] * 10 + [NEUTRAL] * 10
    loud = [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.6, 0.3]
    calm = [0.85, 0.65, 0.4, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    found = measured(truths, stating(*loud, *calm), 0.1)
    # nine of ten are too few, so the threshold falls to the tenth, 0.3
    assert found.threshold == pytest.approx(0.3)
    assert found.false_alarms.value == pytest.approx(0.3)
    # one false alarm in ten is allowed, the second would come at 0.65
    assert found.recall_threshold == pytest.approx(0.7)
    assert found.recall.value == pytest.approx(0.8)


def test_windows_of_one_probability_pass_together() -> None:
    truths = [ANGRY] * 2 + [NEUTRAL] * 2
    found = measured(truths, stating(0.5, 0.5, 0.5, 0.5))
    assert found.auc.value == pytest.approx(0.5)
    assert (found.false_alarms.value, found.recall.value) == (1.0, 0.0)


def test_without_any_alarm_there_is_no_false_one() -> None:
    found = measured([ANGRY, NEUTRAL], stating(0.2, 0.9), 0.0)
    assert (found.recall.value, found.recall_threshold) == (0.0, 1.0)


@pytest.mark.parametrize("digits", [1, 6])
def test_the_area_is_that_of_scikit_learn(digits: int) -> None:
    chance = np.random.default_rng(5)
    stated = np.round(chance.random(200), digits)
    truths = [ANGRY if lucky else NEUTRAL for lucky in chance.random(200) < 0.3 + 0.4 * stated]
    rows = stating(*stated)
    expected = roc_auc_score([emotion is ANGRY for emotion in truths], stated)
    found = measured(truths, rows)
    assert found.auc.value == pytest.approx(expected)
    assert found.auc.low < expected < found.auc.high
    assert found.roc[0] == (0.0, 0.0)
    assert found.roc[-1] == (1.0, 1.0)
    assert len(found.roc) <= 100


def test_windows_of_one_segment_are_no_new_evidence() -> None:
    chance = np.random.default_rng(6)
    truths = [ANGRY, NEUTRAL] * 20
    stated = [0.3 * (emotion is ANGRY) + 0.7 * chance.random() for emotion in truths]
    rows = [stating(value) for value in stated]
    once = abnormal(truths, rows)
    often = abnormal(truths, [np.repeat(row, 50, axis=0) for row in rows])
    assert once is not None
    assert often is not None
    assert often.windows == 50 * once.windows
    assert (often.auc.low, often.auc.high) == pytest.approx((once.auc.low, once.auc.high))


def test_calibration_error_is_the_gap_between_stated_and_found() -> None:
    truths = [ANGRY] * 5 + [NEUTRAL] * 5
    found = measured(truths, saying(*[ANGRY] * 10, sure=0.92))
    stated = 0.92 + 3 * 0.01
    assert found.calibration_error == pytest.approx(stated - 0.5, abs=1e-3)
    (only,) = found.calibration
    assert only == pytest.approx((stated, 0.5, 10), abs=1e-3)


@pytest.mark.parametrize("truths", [[ANGRY, SAD], [NEUTRAL, NEUTRAL]])
def test_without_both_sides_there_is_nothing_to_tell_apart(truths: list[Emotion]) -> None:
    assert abnormal(truths, [saying(emotion) for emotion in truths]) is None


def test_the_recall_that_is_wanted_is_reached() -> None:
    chance = np.random.default_rng(7)
    truths = [ANGRY] * 137 + [NEUTRAL] * 200
    stated = np.concatenate([chance.beta(3, 2, 137), chance.beta(2, 3, 200)]).astype(np.float32)
    found = measured(truths, stating(*stated))
    above = stating(*stated)[:, [0, 1, 2, 6]].sum(axis=1) >= found.threshold - 1e-7
    assert above[:137].mean() >= RECALL_WANTED
    assert above[:137].sum() == np.ceil(RECALL_WANTED * 137)
    assert above[137:].mean() == pytest.approx(found.false_alarms.value)
