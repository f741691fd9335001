"""Writes a report as one HTML page that needs nothing else: no network, no script."""

from importlib.resources import files
from pathlib import Path

import jinja2

from tonewatch.evaluation import plots
from tonewatch.evaluation.abnormal import RECALL_WANTED, Abnormal
from tonewatch.evaluation.report import ALL, KINDS, LEAST_SEGMENTS, Report
from tonewatch.evaluation.scenes import DESCRIPTIONS
from tonewatch.shared.emotions import EMOTIONS


def write_page(report: Report, file: Path) -> None:
    """Write the page of a report that has at least one scene."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = _percent
    source = (files(__package__) / "report.html").read_text(encoding="utf-8")
    abnormal: dict[str, Abnormal] = {
        scene: found[ALL].abnormal for scene, found in report.scenes.items() if found[ALL].abnormal
    }
    groups = {kind: report.groups(kind) for kind in KINDS if kind != "speaker"}
    groups = {kind: names for kind, names in groups.items() if names} or {"scene": [ALL]}
    page = environment.from_string(source).render(
        report=report,
        descriptions=DESCRIPTIONS,
        emotions={emotion.value: index for index, emotion in enumerate(EMOTIONS)},
        least=LEAST_SEGMENTS,
        recall_wanted=RECALL_WANTED,
        speakers=report.groups("speaker"),
        bars={kind: plots.recall_by_group(report.scenes, names) for kind, names in groups.items()},
        confusions={
            scene: plots.confusion(found[ALL], f"Confusion matrix of scene {scene}")
            for scene, found in report.scenes.items()
        },
        abnormal=abnormal,
        curves=[plots.roc(abnormal), plots.calibration(abnormal)] if abnormal else [],
    )
    file.write_text(page, encoding="utf-8")


def _percent(share: float) -> str:
    """A share as the page writes it everywhere: in percent, with one digit."""
    return f"{100 * share:.1f}"
