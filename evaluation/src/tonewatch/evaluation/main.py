"""`tonewatch-evaluate`: labelled audio and an engine to figures, a page and a JSON file."""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from tonewatch.evaluation.abnormal import FALSE_ALARM_RATE
from tonewatch.evaluation.audio import inspect
from tonewatch.evaluation.labelled import Listing, Problem, Segment
from tonewatch.evaluation.measurement import Options, measure
from tonewatch.evaluation.page import write_page
from tonewatch.evaluation.readers import read_labels
from tonewatch.evaluation.report import ALL, Report
from tonewatch.evaluation.scenes import Scene
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.engines.factory import create_engine
from tonewatch.inference.settings import EngineName, InferenceOptions
from tonewatch.shared.errors import InvalidInputError, TonewatchError

LEFT_OUT: Final = 3
"""Exit status when something was measured, but not all of it (2 is a mistake in the options)."""

app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    data: Annotated[
        Path, typer.Argument(help="A folder or a CSV, RTTM or TextGrid file of labels")
    ],
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json")],
    engine: Annotated[EngineName, typer.Option(help="What hears the audio")] = "compact",
    model: Annotated[str, typer.Option(help="For emotion2vec: hub id or folder")] = "",
    weights: Annotated[
        Path | None, typer.Option(help="For compact: a folder that tonewatch-train made")
    ] = None,
    scenes: Annotated[str, typer.Option(help="Of A (as it is), B (office), C (telephone)")] = "ABC",
    sounds: Annotated[
        Path | None, typer.Option(help="Folder with noise/ and rooms/; else synthesised")
    ] = None,
    held_out_sounds: Annotated[
        bool, typer.Option("--held-out-sounds", help="Only noise that training never hears")
    ] = False,
    rules: Annotated[Path | None, typer.Option(help="A rules.yaml, for figures of alerts")] = None,
    speakers: Annotated[
        str, typer.Option(help="Only these, as corpus/speaker, separated by commas")
    ] = "",
    window_seconds: Annotated[float, typer.Option(min=1, max=10, help="Length of windows")] = 3.0,
    false_alarm_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Give the recall at this share of false alarms")
    ] = FALSE_ALARM_RATE,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same scenes")] = 1,
) -> None:
    """Measures an engine on labelled audio.

    Exits with 0 if all labels were used, 3 if some could not be, 1 if nothing could be measured.
    """
    if held_out_sounds and sounds is None:
        raise typer.BadParameter("needs --sounds", param_hint="--held-out-sounds")
    options = Options(
        scenes=_scenes(scenes),
        sounds=sounds,
        held_out_sounds=held_out_sounds,
        rules=rules,
        window_seconds=window_seconds,
        false_alarm_rate=false_alarm_rate,
        seed=seed,
        command=shlex.join(["tonewatch-evaluate", *sys.argv[1:]]),
    )
    try:
        listing = read_listing(data, speakers)
        told = _tell(listing.in_order())
        out.mkdir(parents=True, exist_ok=True)  # now, lest hours of work find no place
        report = measure(listing, open_engine(engine, model, weights), options, data)
        report.write_json(out / "report.json")
        write_page(report, out / "report.html")
    except (TonewatchError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    _tell(problem for problem in listing.in_order() if problem not in told)
    print("\n".join(_summary(report)))
    print(out / "report.html")
    if report.problems:
        print(f"mistakes: {len(report.problems)}; the rest was measured", file=sys.stderr)
        raise typer.Exit(LEFT_OUT)


def read_listing(data: Path, speakers: str = "") -> Listing:
    """The labels, of all speakers or those named as `corpus/speaker`, without unreadable audio.

    Raises:
        InvalidInputError: nothing is left; it names all mistakes.
    """
    listing = read_labels(data)
    wanted = {name.strip() for name in speakers.split(",") if name.strip()}
    if unknown := wanted - set(map(_speaker, listing.segments)):
        raise InvalidInputError(f"{data} has no speaker {', '.join(sorted(unknown))}")
    if wanted:
        listing.segments = [each for each in listing.segments if _speaker(each) in wanted]
    inspect(listing)
    return listing


def open_engine(name: EngineName, model: str = "", weights: Path | None = None) -> Engine:
    """A loaded engine, made as the inference service makes it.

    Raises:
        EngineError: it cannot be loaded.
    """
    given: dict[str, object] = {"engine": name}
    if model:
        given["model"] = model
    if weights is not None:
        given["compact_weights"] = weights
    options = InferenceOptions.model_validate(given)
    cache = Path.home() / ".cache" / "tonewatch"
    engine = create_engine(options, cache, lambda text: print(text, file=sys.stderr))
    engine.load()
    return engine


def _scenes(letters: str) -> tuple[Scene, ...]:
    chosen = tuple(scene for scene in Scene if scene in letters.upper())
    if not chosen or set(letters.upper()) - set(Scene):
        raise typer.BadParameter(f'letters of ABC, not "{letters}"', param_hint="--scenes")
    return chosen


def _speaker(segment: Segment) -> str:
    return "/".join(filter(None, (segment.corpus, segment.speaker)))


def _tell(problems: Iterable[Problem]) -> list[Problem]:
    """Say what is wrong with the labels."""
    told = list(problems)
    for problem in told:
        print(problem, file=sys.stderr)
    return told


def _summary(report: Report) -> Iterable[str]:
    for scene, groups in report.scenes.items():
        for name in (ALL, *report.groups("corpus")):
            group = groups[name]
            found, abnormal = group.unweighted_recall, group.abnormal
            line = f"{scene}  {name:24} {group.segments:6} segments  UA {found.value:6.1%}"
            line += f" ({found.low:.1%} to {found.high:.1%})"
            line += f"  of its own labels {group.unweighted_recall_own_labels.value:6.1%}"
            line += f"  accuracy {group.accuracy.value:6.1%}"
            if abnormal is not None:
                line += f"  abnormal AUC {abnormal.auc.value:.3f}"
                line += f", false alarms {abnormal.false_alarms.value:.1%}"
                line += f", ECE {abnormal.calibration_error:.3f}"
            yield line
