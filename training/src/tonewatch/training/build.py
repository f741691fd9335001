"""From a data folder to the shipped weights and their figures."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.report import Report
from tonewatch.inference.engines.compact import features
from tonewatch.training.corpus import check_split, is_held_out, read_corpus
from tonewatch.training.crossing import cross
from tonewatch.training.export import write_weights
from tonewatch.training.lessons import labelled_lessons
from tonewatch.training.listener import write_ear
from tonewatch.training.prepare import Prepared, prepare_noise, prepare_speech, unpack
from tonewatch.training.train import Plan, train_head
from tonewatch.training.vectors import Vectors, hear_all
from tonewatch.training.verdict import evaluate_weights

MODEL: Final = "tonewatch-compact-2"

PERMISSIVE: Final = frozenset({"emodb"})
"""Corpora whose licence permits every use."""

EXAMPLES: Final = 120
"""Windows that show the ear usual ranges."""

MEASURED: Final = "measured"
"""Folder beside the weights to ship: those that the figures are of, and the figures."""

Choice = Callable[[Segment], bool]


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that training hears, heard."""

    ear: Path
    clips: Sequence[Segment]
    speech: Vectors
    noise: Vectors

    def only(self, chosen: Choice) -> "Material":
        """The same with the chosen clips alone."""
        wanted = np.array([chosen(clip) for clip in self.clips])
        rows = self.speech.of(wanted)
        renumbered = (np.cumsum(wanted) - 1)[self.speech.owners[rows]]
        clips = [clip for clip, is_wanted in zip(self.clips, wanted, strict=True) if is_wanted]
        return replace(self, clips=clips, speech=Vectors(self.speech.rows[rows], renumbered))


@dataclass(frozen=True, slots=True)
class Settled:
    """What cross-validation decides."""

    epochs: int
    temperature: float


def build_weights(
    data: Path, out: Path, plan: Plan, corpora: Collection[str], cache: Path
) -> Report:
    """Hears, cross-validates, trains twice, and measures.

    `out/measured` gets weights that never met the held-out speakers, and their figures on these;
    `out` gets the weights to ship: the same recipe, seed and length, taught by everybody. They
    have nobody left to be measured on, so the figures of the others stand for them.

    Raises:
        TonewatchError: data or encoders cannot be used, or training failed.
    """
    clips = read_corpus(data, corpora)
    used = {clip.corpus for clip in clips}
    check_split(clips)
    everybody = hear(data, plan.seed, cache).only(lambda clip: clip.corpus in used)
    taught = everybody.only(lambda clip: not is_held_out(clip))
    about = {"model": MODEL, "notice": notice_of(used), "corpora": sorted(used)}
    settled = settle(taught, plan)
    make_weights(taught, plan, settled, about, out / MEASURED)
    held_out = [clip for clip in clips if is_held_out(clip)]
    report = evaluate_weights(out / MEASURED, held_out, data, out / MEASURED)
    about["measured_as"] = report.about.revision
    make_weights(everybody, plan, settled, about, out)
    return report


def leave_each_out(data: Path, out: Path, plan: Plan, cache: Path) -> dict[str, Report]:
    """One training per language without it, and its figures on all speakers of that language.

    As long as the plan says, with probabilities as they come. Emotions that only the language left
    out has are not asked for.

    Raises:
        TonewatchError: data or encoders cannot be used, or training failed.
    """
    clips = read_corpus(data)
    material = hear(data, plan.seed, cache)
    reports = {}
    for language in sorted({clip.language for clip in clips}):
        folder = out / f"without-{language}"
        known = material.only(lambda clip, left=language: clip.language != left)  # type: ignore[misc]
        head = train_head(labelled_lessons(known.clips, known.speech, known.noise), plan)
        write_weights(material.ear, head, 1.0, {"model": f"{MODEL} without {language}"}, folder)
        taught = {clip.emotion for clip in known.clips}
        left_out = [c for c in clips if c.language == language and c.emotion in taught]
        reports[language] = evaluate_weights(folder, left_out, data, folder, "A")
    return reports


def settle(material: Material, plan: Plan) -> Settled:
    """Cross-validates over speakers: how long to train, and how sure to be."""
    crossed = cross(material.clips, material.speech, material.noise, plan)
    epochs = crossed.best_epoch
    temperature = crossed.temperature(epochs)
    for epoch in sorted(crossed.by_epoch):
        print(
            f"epoch {epoch}: UA of speakers not learnt from {crossed.recall(epoch):.3f}", flush=True
        )
    print(f"{epochs} epochs, temperature {temperature:.2f}", flush=True)
    return Settled(epochs, temperature)


def make_weights(
    material: Material, plan: Plan, settled: Settled, about: Mapping[str, object], out: Path
) -> None:
    """Trains on all of the material and writes a folder of weights."""
    lessons = labelled_lessons(material.clips, material.speech, material.noise)
    head = train_head(lessons, plan, epochs=settled.epochs)
    card = {**about, "plan": asdict(plan), "epochs": settled.epochs}
    write_weights(material.ear, head, settled.temperature, card, out)


def hear(data: Path, seed: int, cache: Path) -> Material:
    """Everything, prepared and heard; kept in the cache. The ear is fitted to nobody held out.

    Raises:
        TonewatchError: a file cannot be read, or the encoders cannot be had.
    """
    clips = read_corpus(data)
    print(f"{len(clips)} clips: reading and augmenting", flush=True)
    speech = prepare_speech(clips, data, seed, cache)
    noise = prepare_noise(data, seed, cache)
    ear = cache / "ear.onnx"
    if not ear.exists():
        heard = [sound for clip, sound in zip(clips, speech, strict=True) if not is_held_out(clip)]
        write_ear(ear, cache, map(_example, _spread(heard)))
    print("hearing", flush=True)
    return Material(
        ear, clips, hear_all(ear, speech, seed, cache), hear_all(ear, noise, seed, cache)
    )


def notice_of(corpora: Collection[str]) -> str:
    """What weights that learnt from these corpora may be used for."""
    if set(corpora) <= PERMISSIVE:
        return ""
    return (
        "The built-in model's weights were trained on corpora for research and non-commercial use:"
        " use them for research and evaluation only, and emotion2vec+ for the rest"
    )


def _spread(speech: Sequence[Prepared]) -> list[tuple[int, Prepared]]:
    """Sounds from all over the list, numbered."""
    return list(enumerate(speech[:: max(1, len(speech) // EXAMPLES)]))


def _example(numbered: tuple[int, Prepared]) -> features.FloatArray:
    number, sound = numbered
    version = sound.versions[number % len(sound.versions)]
    return features.normalise(unpack(version[: features.frame_count(3 * features.SAMPLE_RATE_HZ)]))
