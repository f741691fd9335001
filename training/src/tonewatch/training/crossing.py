"""Cross-validation over speakers: how long to train, and how sure to be, without a judge to spare.

The speakers of each corpus are dealt into folds. Every fold is judged by a head that learnt from
the others; the only speaker of a corpus always teaches and never judges.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.evaluation.abnormal import calibration_error, stated_abnormal
from tonewatch.evaluation.labelled import Segment
from tonewatch.evaluation.labels import ABNORMAL
from tonewatch.training.corpus import CLASSES
from tonewatch.training.lessons import labelled_lessons
from tonewatch.training.network import Head
from tonewatch.training.train import Plan, logits_of, train_head
from tonewatch.training.vectors import Vectors

FOLDS: Final = 4
_TEACHES: Final = -1

Logits = NDArray[np.float32]


@dataclass(slots=True)
class Crossing:
    """What heads said of clips that they had not learnt from."""

    clips: list[Segment] = field(default_factory=list)
    by_epoch: dict[int, list[Logits]] = field(default_factory=lambda: defaultdict(list))

    def logits(self, epoch: int) -> Logits:
        """After an epoch, of all clips, (clips, 9)."""
        return np.concatenate(self.by_epoch[epoch])

    def recall(self, epoch: int) -> float:
        """Unweighted recall after an epoch: the mean over the corpora's."""
        return mean_recall(self.clips, self.logits(epoch))

    @property
    def best_epoch(self) -> int:
        """The one with the best recall, smoothed over its neighbours."""
        recalls = [self.recall(epoch) for epoch in sorted(self.by_epoch)]
        smooth = np.convolve(np.pad(recalls, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        return int(smooth.argmax()) + 1

    def temperature(self, epoch: int) -> float:
        """What to divide logits by (Guo et al. 2017): the least calibration error of "abnormal".

        That is the probability that alerts are made of. Every corpus counts the same.
        """
        logits = self.logits(epoch)
        tried = np.geomspace(0.3, 4, 120)
        return float(tried[int(np.argmin([self._error(logits / t) for t in tried]))])

    def _error(self, logits: Logits) -> float:
        """Calibration error of "abnormal", the mean over the corpora's."""
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        stated = stated_abnormal(exponentials / exponentials.sum(axis=1, keepdims=True))
        is_abnormal = np.array([clip.emotion in ABNORMAL for clip in self.clips])
        corpora = np.array([clip.corpus for clip in self.clips])
        errors = [
            calibration_error(is_abnormal[corpora == corpus], stated[corpora == corpus])
            for corpus in sorted(set(corpora.tolist()))
        ]
        return float(np.mean(errors))


def cross(clips: Sequence[Segment], speech: Vectors, noise: Vectors, plan: Plan) -> Crossing:
    """Trains one head per fold and asks it about the clips of that fold after every epoch.

    Raises:
        TrainingError: a loss is no number.
    """
    fold_of = folds(clips)
    first = np.unique(speech.owners, return_index=True)[1]  # the recording itself, all of it
    found = Crossing()
    for fold in sorted(set(fold_of.tolist()) - {_TEACHES}):
        teaching, judging = speech.of(fold_of != fold), np.flatnonzero(fold_of == fold)
        taught = Vectors(speech.rows[teaching], speech.owners[teaching])
        asked = speech.rows[first[judging]]
        train_head(labelled_lessons(clips, taught, noise), plan, watch=_asking(found, asked))
        found.clips += [clips[number] for number in judging.tolist()]
    return found


def _asking(found: Crossing, asked: NDArray[np.float16]) -> Callable[[int, Head], None]:
    def ask(epoch: int, head: Head) -> None:
        found.by_epoch[epoch].append(logits_of(head, asked))

    return ask


def folds(clips: Sequence[Segment]) -> NDArray[np.int64]:
    """The fold of each clip, (clips,); -1 for those that only teach."""
    people: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        people[clip.corpus].add(clip.speaker)
    place = {
        (corpus, speaker): number % FOLDS if len(speakers) > 1 else _TEACHES
        for corpus, speakers in people.items()
        for number, speaker in enumerate(sorted(speakers))
    }
    return np.array([place[clip.corpus, clip.speaker] for clip in clips])


def mean_recall(clips: Sequence[Segment], logits: Logits) -> float:
    """Unweighted recall of each corpus, and the mean of these."""
    hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for clip, row in zip(clips, logits, strict=True):
        hits[clip.corpus, clip.emotion].append(CLASSES[int(row.argmax())] is clip.emotion)
    corpora: dict[str, list[float]] = defaultdict(list)
    for (corpus, _), found in hits.items():
        corpora[corpus].append(float(np.mean(found)))
    return float(np.mean([np.mean(recalls) for recalls in corpora.values()]))
