"""A measurement: every segment heard in every scene, every call by the rules, made into figures."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from tonewatch.alerting.rules import Rule, load_rules
from tonewatch.evaluation.abnormal import FALSE_ALARM_RATE
from tonewatch.evaluation.alerts import AlertFigures, alert_figures
from tonewatch.evaluation.calls import Call, calls_of, hear_call
from tonewatch.evaluation.hearing import Hearing
from tonewatch.evaluation.labelled import Listing
from tonewatch.evaluation.report import About, Report
from tonewatch.evaluation.scenes import Scene
from tonewatch.evaluation.sounds import surroundings_of
from tonewatch.inference.engines.base import Engine
from tonewatch.shared.errors import InvalidInputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure, and how."""

    scenes: tuple[Scene, ...] = tuple(Scene)
    sounds: Path | None = None
    """Folder of noise and rooms for scenes B and C; without it both are synthesised."""
    held_out_sounds: bool = False
    """Whether scene B takes only noise that training never hears; needs `sounds`."""
    rules: Path | None = None
    window_seconds: float = 3.0
    false_alarm_rate: float = FALSE_ALARM_RATE
    seed: int = 1
    command: str = ""


def measure(listing: Listing, engine: Engine, options: Options, data: Path) -> Report:
    """Hear every segment in every scene and work out the figures; the engine is loaded.

    What turns out to be unusable is noted in the listing and left out.

    Raises:
        TonewatchError: sounds or rules cannot be used, or no segment can be heard.
    """
    listing.require()
    rules = load_rules(options.rules).rules if options.rules is not None else ()
    calls = calls_of(listing.segments) if rules else []
    if rules and not calls:
        listing.refuse(str(options.rules), "needs labels with start and end: none are here")
    around = surroundings_of(options.sounds, held_out_only=options.held_out_sounds)
    hearing = Hearing(engine, around, options.window_seconds, options.seed)
    report = Report(_about(engine, options, data))
    for scene in options.scenes:
        answers = hearing.hear(listing.segments, scene, listing)
        shown = _with_progress(answers, f"scene {scene}", len(listing.segments))
        heard = [answer for answer in shown if answer is not None]
        if not heard:
            raise InvalidInputError("\n".join(map(str, listing.in_order())))
        report.add(scene, heard)
        if calls:
            report.alerts[scene.value] = _alerts(hearing, calls, scene, rules, listing)
    report.problems = [str(problem) for problem in listing.in_order()]
    return report


def _about(engine: Engine, options: Options, data: Path) -> About:
    sounds = f"from {options.sounds}" if options.sounds is not None else "synthesised"
    return About(
        engine=engine.name,
        model=engine.model,
        revision=engine.revision,
        data=str(data),
        seed=options.seed,
        window_seconds=options.window_seconds,
        false_alarm_rate=options.false_alarm_rate,
        sounds=f"{sounds}, only held-out noise" if options.held_out_sounds else sounds,
        command=options.command,
    )


def _alerts(
    hearing: Hearing, calls: Sequence[Call], scene: Scene, rules: Sequence[Rule], listing: Listing
) -> list[AlertFigures]:
    scored = []
    shown = _with_progress(calls, f"scene {scene}, calls", len(calls))
    for number, call in enumerate(shown):
        try:
            scored.append((call, hear_call(hearing, call, scene, number)))
        except InvalidInputError as error:
            listing.refuse(call.name, error.message)
    return alert_figures(scored, rules, hearing.window_seconds) if scored else []


def _with_progress(items: Iterable[T], name: str, total: int) -> Iterable[T]:
    """The items, counted by a bar on the error output if that is a terminal."""
    return track(
        items,
        name,
        total=total,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
