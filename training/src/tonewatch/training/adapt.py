"""`tonewatch-train adapt`: weights that know one's own labelled calls better."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.readers import read_labels
from tonewatch.evaluation.report import ALL, Report
from tonewatch.inference.engines.compact.engine import EAR_FILE
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.export import read_head, temperature_of, write_weights
from tonewatch.training.lessons import labelled_lessons
from tonewatch.training.prepare import prepare_noise, prepare_speech
from tonewatch.training.train import Plan, train_head
from tonewatch.training.vectors import hear_all
from tonewatch.training.verdict import evaluate_weights

KEPT_APART: Final = 5
"""Every so many speakers (recordings, where speakers are not named) judge and do not teach."""

SYNTHETIC_NOISES: Final = 60
"""Enough to keep in mind what is no speech."""

MODEL: Final = "tonewatch-compact-adapted"


def adapt_weights(
    labels: Path, before: Path, out: Path, plan: Plan, cache: Path, *, last_layer_only: bool
) -> tuple[Report, Report]:
    """Trains the head on labelled audio; how old and new weights hear what was kept apart.

    Raises:
        TonewatchError: labels or weights cannot be used, or training failed.
    """
    listing = read_labels(labels)
    for problem in listing.problems:
        print(problem, flush=True)
    start = read_head(before)
    data = labels if labels.is_dir() else labels.parent
    teaching, judging = keep_apart(listing.segments)
    print(f"{len(teaching)} clips teach, {len(judging)} judge", flush=True)
    ear = before / EAR_FILE
    noise = prepare_noise(data, plan.seed, cache, SYNTHETIC_NOISES)
    speech = prepare_speech(teaching, data, plan.seed, cache)
    heard = [hear_all(ear, sounds, plan.seed, cache) for sounds in (speech, noise)]
    lessons = labelled_lessons(teaching, *heard)
    head = train_head(lessons, plan, start, last_layer_only=last_layer_only)
    about = {"model": MODEL, "plan": asdict(plan)}
    write_weights(ear, head, temperature_of(before), about, out)
    old, new = (
        evaluate_weights(folder, judging, data, out / name, "A")
        for folder, name in ((before, "before"), (out, "after"))
    )
    shown = [each.scenes["A"][ALL].unweighted_recall.value for each in (old, new)]
    print(f"unweighted recall on what was kept apart: {shown[0]:.1%} before, {shown[1]:.1%} after")
    return old, new


def keep_apart(clips: Sequence[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Clips that teach, and clips of other people that judge.

    Raises:
        InvalidInputError: all clips are of one speaker or recording.
    """
    people: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    for clip in clips:
        people[clip.corpus, clip.speaker or str(clip.path)].append(clip)
    if len(people) < 2:  # noqa: PLR2004 - one to learn from, one to judge by
        raise InvalidInputError(
            "All labels are of one speaker or recording: label at least two, so that the new"
            " weights can be judged on somebody that they did not learn from"
        )
    order = sorted(people)
    every = min(KEPT_APART, len(order))
    judges = {name for number, name in enumerate(order) if number % every == every - 1}
    teaching = [clip for name in order if name not in judges for clip in people[name]]
    return teaching, [clip for name in order if name in judges for clip in people[name]]
