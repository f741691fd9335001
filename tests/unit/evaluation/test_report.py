"""Segments are grouped by what is known of them; the file says everything."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.unit.evaluation.stubs import ABOUT, heard
from tonewatch.evaluation.report import LEAST_SEGMENTS, Report
from tonewatch.evaluation.scenes import Scene
from tonewatch.shared.emotions import Emotion

ANGRY, NEUTRAL, SAD = Emotion.ANGRY, Emotion.NEUTRAL, Emotion.SAD


def test_groups_are_what_is_known_of_the_segments() -> None:
    report = Report(ABOUT)
    german = [heard(ANGRY, ANGRY, corpus="emodb", speaker="03", language="de")] * LEAST_SEGMENTS
    polish = [heard(NEUTRAL, NEUTRAL, corpus="nemo", speaker="03", gender="f")] * LEAST_SEGMENTS
    report.add(Scene.A, [*german, *polish, heard(SAD, SAD, corpus="rare")])
    groups = report.scenes["A"]
    assert list(groups) == [
        "all",
        "corpus: emodb",
        "corpus: nemo",
        "language: de",
        "gender: f",
        "speaker: emodb 03",
        "speaker: nemo 03",
    ]
    assert groups["all"].segments == 2 * LEAST_SEGMENTS + 1
    assert (groups["all"].speakers, groups["corpus: nemo"].speakers) == (3, 1)
    assert report.groups("corpus") == ["corpus: emodb", "corpus: nemo"]


def test_own_labels_are_those_of_the_segment_s_corpus() -> None:
    """What another corpus has is still no answer here, even over all segments."""
    two = [heard(ANGRY, SAD, corpus="two"), heard(NEUTRAL, NEUTRAL, corpus="two")]
    report = Report(ABOUT)
    report.add(Scene.A, [*two, heard(SAD, SAD, corpus="one")])
    found = report.scenes["A"]["all"]
    assert found.unweighted_recall.value == pytest.approx(2 / 3)
    # sad is not among the labels of `two`; of angry and neutral, equally probable, angry is first
    assert found.unweighted_recall_own_labels.value == pytest.approx(1.0)


def test_the_mean_over_corpora_counts_each_once() -> None:
    right = [heard(ANGRY, ANGRY, corpus="small"), heard(NEUTRAL, NEUTRAL, corpus="small")]
    wrong = [heard(ANGRY, NEUTRAL, corpus="large"), heard(NEUTRAL, NEUTRAL, corpus="large")]
    report = Report(ABOUT)
    report.add(Scene.A, right * LEAST_SEGMENTS + wrong * 9 * LEAST_SEGMENTS)
    assert report.mean_recall("A") == pytest.approx((1 + 0.5) / 2)
    assert report.mean_recall("A", "language") is None


def test_the_file_is_the_report(tmp_path: Path) -> None:
    report = Report(ABOUT, problems=["标签.csv:2: mistake"])
    report.add(Scene.B, [heard(ANGRY, ANGRY), heard(NEUTRAL, SAD)])
    report.write_json(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(asdict(report)))
    assert "标签.csv:2" in text
