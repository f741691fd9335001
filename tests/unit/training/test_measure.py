"""The figures are what their names say, on cases worked out by hand."""

import numpy as np
import pytest

from tonewatch.shared.emotions import Emotion
from tonewatch.training.corpus import CLASSES
from tonewatch.training.measure import figures, table


def posterior(emotion: Emotion, confidence: float) -> np.ndarray:
    row = np.full(len(CLASSES), (1 - confidence) / (len(CLASSES) - 1), dtype=np.float32)
    row[CLASSES.index(emotion)] = confidence
    return row


def test_unweighted_accuracy_does_not_count_frequent_emotions_more() -> None:
    truths = [Emotion.NEUTRAL] * 9 + [Emotion.SAD]
    result = figures(np.stack([posterior(Emotion.NEUTRAL, 0.9)] * 10), truths)
    assert result.accuracy == pytest.approx(0.9)
    assert result.unweighted == pytest.approx(0.5)
    assert result.calibration_error == pytest.approx(0, abs=1e-6)


def test_alerts_are_counted_where_they_are_right_and_where_they_are_false() -> None:
    rows = [posterior(Emotion.ANGRY, p) for p in (0.9, 0.6, 0.8, 0.2)]
    truths = [Emotion.ANGRY, Emotion.ANGRY, Emotion.HAPPY, Emotion.HAPPY]
    result = figures(np.stack(rows), truths)
    assert result.angry_confidence == pytest.approx(0.75)
    assert result.angry_alerts == pytest.approx(0.5)
    assert result.false_alerts == pytest.approx(0.5)


def test_abnormal_emotions_are_told_apart_by_their_summed_probability() -> None:
    rows = [
        posterior(Emotion.FEARFUL, 0.9),
        posterior(Emotion.SAD, 0.9),
        posterior(Emotion.HAPPY, 0.9),
    ]
    assert figures(np.stack(rows), [Emotion.ANGRY, Emotion.SAD, Emotion.HAPPY]).abnormal_auc == 1
    assert figures(np.stack(rows), [Emotion.HAPPY, Emotion.HAPPY, Emotion.SAD]).abnormal_auc == 0


def test_the_table_ends_with_all_and_has_a_cell_for_each_heading() -> None:
    result = figures(np.stack([posterior(Emotion.ANGRY, 0.9)]), [Emotion.ANGRY])
    lines = list(table({"all": result, "zeta": result, "emodb": result}))
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| emodb", "| zeta", "| all"]
    assert len({line.count("|") for line in lines}) == 1
