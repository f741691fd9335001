"""Measures weights with the code of `tonewatch-evaluate`: files heard as in live operation."""

from collections.abc import Collection
from pathlib import Path

from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.evaluation.measurement import Options, measure
from tonewatch.evaluation.page import write_page
from tonewatch.evaluation.report import Report
from tonewatch.evaluation.scenes import Scene
from tonewatch.inference.engines.compact import CompactEngine


def evaluate_weights(
    weights: Path, clips: Collection[Segment], data: Path, out: Path, scenes: str = "ABC"
) -> Report:
    """Figures of weights on clips; writes report.html and report.json."""
    engine = CompactEngine(weights)
    engine.load()
    has_sounds = (data / "noise").is_dir() or (data / "rooms").is_dir()
    options = Options(
        sounds=data if has_sounds else None,
        held_out_sounds=(data / "noise").is_dir(),
        scenes=tuple(map(Scene, scenes)),
    )
    report = measure(Listing(list(clips)), engine, options, data)
    out.mkdir(parents=True, exist_ok=True)
    report.write_json(out / "report.json")
    write_page(report, out / "report.html")
    for scene, groups in report.scenes.items():
        for name, found in groups.items():
            if not name.startswith("speaker"):
                print(f"scene {scene}, {name}: UA {found.unweighted_recall.value:.3f}", flush=True)
    return report
