"""Pictures stand alone, take the page's colour of text, and are the same for the same figures."""

import re
import xml.etree.ElementTree as ET

import pytest

from tests.unit.evaluation.stubs import ABOUT, heard
from tonewatch.evaluation import plots
from tonewatch.evaluation.abnormal import Abnormal
from tonewatch.evaluation.report import Report
from tonewatch.evaluation.scenes import Scene
from tonewatch.shared.emotions import Emotion


@pytest.fixture
def report() -> Report:
    made = Report(ABOUT)
    members = [
        heard(Emotion.ANGRY, Emotion.ANGRY, corpus="通话"),
        heard(Emotion.ANGRY, Emotion.HAPPY, corpus="通话"),
        heard(Emotion.NEUTRAL, Emotion.NEUTRAL, corpus="通话"),
    ]
    for scene in (Scene.A, Scene.C):
        made.add(scene, members * 3)
    return made


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 - our own
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def curves(report: Report) -> dict[str, Abnormal]:
    found = {scene: groups["all"].abnormal for scene, groups in report.scenes.items()}
    return {scene: each for scene, each in found.items() if each is not None}


def test_bars_name_groups_and_scenes(report: Report) -> None:
    shown = texts(plots.recall_by_group(report.scenes, report.groups("corpus")))
    assert {"通话", "scene A", "scene C"} <= set(shown)


def test_the_confusion_is_in_percent_of_its_row(report: Report) -> None:
    shown = texts(plots.confusion(report.scenes["A"]["all"], "title"))
    assert sorted(text for text in shown if text.isdigit()) == ["100", "50", "50"]


def test_curves_state_their_figures(report: Report) -> None:
    found = curves(report)
    assert f"C: AUC {found['C'].auc.value:.3f}" in texts(plots.roc(found))
    assert f"A: ECE {found['A'].calibration_error:.3f}" in texts(plots.calibration(found))


def test_pictures_fit_into_any_page(report: Report) -> None:
    for svg in (
        plots.recall_by_group(report.scenes, ["all"]),
        plots.confusion(report.scenes["A"]["all"], 'a "title"'),
        plots.roc(curves(report)),
        plots.calibration(curves(report)),
    ):
        assert svg.startswith('<svg class="plot" role="img" aria-label="')
        assert "currentColor" in svg
        assert "#010203" not in svg
        assert "<image" not in svg
        assert not re.search(r'href="(?!#)', svg)


def test_the_same_figures_give_the_same_picture(report: Report) -> None:
    assert plots.roc(curves(report)) == plots.roc(curves(report))
