"""The model card tells what was measured of the weights that ship."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tonewatch.inference.engines.compact import CompactEngine

ROOT = Path(__file__).parents[3]
CARDS = [ROOT / "docs" / name for name in ("model-card.md", "model-card.zh-CN.md")]
REPORT = json.loads((ROOT / "docs" / "model-card" / "report.json").read_text(encoding="utf-8"))


def test_the_tables_are_those_of_the_reports() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "model_card.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_report_is_about_the_twin_of_the_shipped_weights() -> None:
    engine = CompactEngine()
    engine.load()
    assert (REPORT["about"]["model"], REPORT["about"]["revision"]) == (
        engine.model,
        engine.about["measured_as"],
    )


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_figure_of_the_report_stands_on_the_card(card: Path) -> None:
    for corpus in ("casia", "emodb", "nemo", "ravdess", "tess", "urdu"):
        recall = REPORT["scenes"]["A"][f"corpus: {corpus}"]["unweighted_recall"]["value"]
        rows = [line for line in card.read_text().splitlines() if line.startswith(f"| {corpus} |")]
        assert any(f"| {recall:.1%} (" in row for row in rows)
