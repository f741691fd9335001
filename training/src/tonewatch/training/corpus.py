"""Reads a data folder: which clip carries which of the nine labels, and who is held out.

Speakers, never clips, are held out: a model that knows a voice finds its emotions too easily, and
the figures would promise what no caller gets.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError

LABELS: Final[Mapping[str, Emotion]] = {
    "angry": Emotion.ANGRY,
    "disgusted": Emotion.DISGUSTED,
    "fearful": Emotion.FEARFUL,
    "happy": Emotion.HAPPY,
    "neutral": Emotion.NEUTRAL,
    "calm": Emotion.NEUTRAL,
    # Nobody needs to be told of boredom; of the nine labels neutral is the nearest.
    "bored": Emotion.NEUTRAL,
    "sad": Emotion.SAD,
    "surprised": Emotion.SURPRISED,
}

CLASSES: Final = tuple(emotion for emotion in Emotion if emotion is not Emotion.OTHER)
"""What the network tells apart. No corpus has clips for `other`, so it never says it; `unknown` is
learnt from sounds that are no speech."""

HELD_OUT: Final[Mapping[str, frozenset[str]]] = {
    "casia": frozenset({"zhaoquanyin"}),
    "emodb": frozenset({"10", "14"}),
    "nemo": frozenset({"KD0", "MK0"}),
    "ravdess": frozenset({"17", "18", "19", "20"}),
    "tess": frozenset({"YAF"}),
    "urdu": frozenset(
        {"SM2", "SM3", "SM7", "SM17", "SM21", "SM22", "SM23", "SM27", "SF2", "SF10", "SF11"}
    ),
}
"""Speakers kept for the reported figures: a fifth to a half of each corpus."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording."""

    path: Path
    corpus: str
    speaker: str
    emotion: Emotion

    @property
    def held_out(self) -> bool:
        """Whether the clip is kept for the reported figures."""
        return self.speaker in HELD_OUT.get(self.corpus, frozenset())


def read_corpus(data: Path) -> list[Clip]:
    """The clips that `speech.csv` of the data folder lists, in its order.

    Raises:
        InvalidInputError: the list is missing, lacks a column or names an emotion without a label.
    """
    listing = data / "speech.csv"
    if not listing.is_file():
        raise InvalidInputError(f"{listing} does not exist: name a folder that has a speech.csv")
    with listing.open(newline="", encoding="utf-8") as file:
        return [
            _clip(data, number, row) for number, row in enumerate(csv.DictReader(file), start=2)
        ]


def _clip(data: Path, line: int, row: Mapping[str, str]) -> Clip:
    try:
        emotion = LABELS[row["emotion"]]
        return Clip(data / row["path"], row["corpus"], row["speaker"], emotion)
    except KeyError as error:
        raise InvalidInputError(
            f"speech.csv, line {line}: no column or no label called {error}; "
            f"columns are path, corpus, speaker, emotion; emotions are {', '.join(LABELS)}"
        ) from error


def check_split(clips: Iterable[Clip]) -> None:
    """Refuses data of which some corpus has nobody to train on or nobody to measure on."""
    parts: dict[str, set[bool]] = {}
    for clip in clips:
        parts.setdefault(clip.corpus, set()).add(clip.held_out)
    for corpus, part in parts.items():
        if len(part) < 2:  # noqa: PLR2004 - both sides of the split
            raise InvalidInputError(
                f"corpus {corpus}: add its held-out speakers to HELD_OUT in corpus.py"
            )
