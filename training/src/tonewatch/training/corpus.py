"""Reads a data folder: which clip carries which of the nine labels, and who is held out.

Speakers, never clips, are held out: a model that knows a voice finds its emotions too easily, and
the figures would promise what no caller gets.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.readers import read_labels
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import InvalidInputError

CLASSES: Final = EMOTIONS
"""What the network tells apart. `other` is learnt from boredom, the only mood of the corpora that
is none of the rest; `unknown` from sounds that are no speech."""

Speakers = Mapping[str, frozenset[str]]

HELD_OUT: Final[Speakers] = {
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


def is_held_out(clip: Segment) -> bool:
    """Whether the clip is kept for the reported figures."""
    return clip.speaker in HELD_OUT.get(clip.corpus, frozenset())


def read_corpus(data: Path, corpora: Collection[str] = ()) -> list[Segment]:
    """The clips that `speech.csv` of the data folder lists, in its order; of some corpora or all.

    Raises:
        InvalidInputError: the list is missing or has mistakes; all of them are named.
    """
    listing = read_labels(data / "speech.csv")
    if listing.problems:
        raise InvalidInputError("\n".join(map(str, listing.problems)))
    chosen = [each for each in listing.segments if not corpora or each.corpus in corpora]
    if not chosen:
        raise InvalidInputError(f"no clip of {', '.join(corpora)} in {data / 'speech.csv'}")
    return chosen


def check_split(clips: Iterable[Segment]) -> None:
    """Refuses data of which some corpus has nobody to train on or nobody to measure on."""
    parts: dict[str, set[bool]] = {}
    for clip in clips:
        parts.setdefault(clip.corpus, set()).add(is_held_out(clip))
    for corpus, part in parts.items():
        if len(part) < 2:  # noqa: PLR2004 - both sides of the split
            raise InvalidInputError(
                f"corpus {corpus}: add its held-out speakers to HELD_OUT in corpus.py"
            )
