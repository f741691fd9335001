"""The result of a measurement: what was measured, in which scenes, for which groups of segments."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from tonewatch.evaluation.abnormal import FALSE_ALARM_RATE, Flags
from tonewatch.evaluation.alerts import AlertFigures
from tonewatch.evaluation.figures import Figures, figures
from tonewatch.evaluation.hearing import Heard
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.scenes import Scene
from tonewatch.shared.emotions import EMOTIONS

ALL: Final = "all"
KINDS: Final = ("corpus", "language", "gender", "speaker")

LEAST_SEGMENTS: Final = 5
"""A group with fewer proves nothing and is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was measured, so that it can be done again."""

    engine: str
    model: str
    revision: str
    data: str
    seed: int
    window_seconds: float
    false_alarm_rate: float = FALSE_ALARM_RATE
    sounds: str = ""
    """Where noise and rooms come from."""
    command: str = ""


@dataclass(slots=True)
class Report:
    """Figures by scene and group: `all`, `corpus: emodb`, `language: de`, `speaker: 03` ..."""

    about: About
    scenes: dict[str, dict[str, Figures]] = field(default_factory=dict)
    alerts: dict[str, list[AlertFigures]] = field(default_factory=dict)
    """By scene; empty without rules or without calls."""
    problems: list[str] = field(default_factory=list)

    def add(self, scene: Scene, heard: Sequence[Heard]) -> None:
        """Work out the figures of a scene; something must have been heard."""
        own = _own_labels(heard)
        rate = self.about.false_alarm_rate
        self.scenes[scene.value] = {
            name: _figures(members, own, rate) for name, members in _grouped(heard)
        }

    def groups(self, kind: str) -> list[str]:
        """The names of the groups of a kind."""
        first = next(iter(self.scenes.values()), {})
        return [name for name in first if name.startswith(f"{kind}: ")]

    def mean_recall(self, scene: str, kind: str = "corpus") -> float | None:
        """The mean unweighted recall over groups of a kind; None if there are none."""
        groups = self.scenes[scene]
        values = [groups[name].unweighted_recall.value for name in self.groups(kind)]
        return float(np.mean(values)) if values else None

    def write_json(self, file: Path) -> None:
        """Everything, for programs."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False)
        file.write_text(text + "\n", encoding="utf-8")


def _own_labels(heard: Iterable[Heard]) -> Mapping[str, Flags]:
    """Which of the nine labels each corpus has, (9,)."""
    found: dict[str, Flags] = defaultdict(lambda: np.zeros(len(EMOTIONS), dtype=bool))
    for each in heard:
        found[each.segment.corpus][EMOTIONS.index(each.segment.emotion)] = True
    return found


def _figures(heard: Sequence[Heard], own: Mapping[str, Flags], false_alarm_rate: float) -> Figures:
    return figures(
        [each.segment.emotion for each in heard],
        np.stack([each.utterance for each in heard]),
        [each.windows for each in heard],
        own_labels=np.stack([own[each.segment.corpus] for each in heard]),
        speakers=len({(each.segment.corpus, each.segment.speaker) for each in heard}),
        false_alarm_rate=false_alarm_rate,
    )


def _grouped(heard: Iterable[Heard]) -> Iterator[tuple[str, list[Heard]]]:
    groups: Mapping[str, list[Heard]] = defaultdict(list)
    for each in heard:
        for name in _names(each.segment):
            groups[name].append(each)
    kinds = [ALL, *KINDS]
    for name in sorted(groups, key=lambda each: (kinds.index(each.split(":")[0]), each)):
        if name == ALL or len(groups[name]) >= LEAST_SEGMENTS:
            yield name, groups[name]


def _names(segment: Segment) -> Iterator[str]:
    yield ALL
    if segment.corpus:
        yield f"corpus: {segment.corpus}"
    if segment.language:
        yield f"language: {segment.language}"
    if segment.gender:
        yield f"gender: {segment.gender}"
    if segment.speaker:
        yield f"speaker: {' '.join(filter(None, (segment.corpus, segment.speaker)))}"
