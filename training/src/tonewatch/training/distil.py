"""`tonewatch-train distil`: weights that answer on unlabelled calls as a larger model does.

The student learns the teacher's whole posterior (Hinton et al. 2015), of pieces of three seconds as
they are and as if they had come over worse lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray, rms
from tonewatch.evaluation.audio import AUDIO, read_audio
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.engines.compact import CompactEngine, features
from tonewatch.inference.engines.compact.engine import EAR_FILE
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.augment import Surroundings, augment
from tonewatch.training.export import read_head, write_weights
from tonewatch.training.prepare import Prepared, pack
from tonewatch.training.train import Lessons, Plan, train_head
from tonewatch.training.vectors import hear_all

MODEL: Final = "tonewatch-compact-distilled"
PIECE_SAMPLES: Final = 3 * SAMPLE_RATE_HZ
KEPT_APART: Final = 5
"""Every so many recordings judge and do not teach."""

VERSIONS: Final = 3
QUIETEST: Final = 10 ** (-50 / 20)
"""Pieces below -50 dBFS are pauses: nobody speaks in them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Three seconds of a call, and what the teacher says of them, (9,)."""

    audio: FloatArray
    answer: NDArray[np.float32]


def distil_weights(
    calls: Path, teacher: Engine, before: Path, out: Path, plan: Plan, cache: Path
) -> tuple[float, float]:
    """Teaches the weights on a folder of calls; agreement with the teacher, before and after.

    Agreement is the share of pieces of other calls for which both name the same emotion.

    Raises:
        TonewatchError: calls or weights cannot be used, or training failed.
    """
    files = sorted(path for path in calls.rglob("*") if path.suffix.lower() in AUDIO)
    if len(files) < 2:  # noqa: PLR2004 - one to learn from, one to judge by
        raise InvalidInputError(f"{calls} holds {len(files)} recordings; two are the least")
    start = read_head(before)
    every = min(KEPT_APART, len(files))
    judges = [file for number, file in enumerate(files) if number % every == every - 1]
    teaching = list(_pieces((file for file in files if file not in judges), teacher))
    judging = list(_pieces(judges, teacher))
    if not teaching or not judging:
        raise InvalidInputError(f"{calls} holds too little speech: pieces of three seconds count")
    heard = hear_all(before / EAR_FILE, _prepared(teaching, plan.seed), plan.seed, cache)
    answers = np.stack([piece.answer for piece in teaching])[heard.owners]
    lessons = Lessons(heard.rows, answers, np.ones(len(answers)))
    about = {"model": MODEL, "teacher": f"{teacher.model} {teacher.revision}", "plan": asdict(plan)}
    write_weights(before / EAR_FILE, train_head(lessons, plan, start), 1.0, about, out)
    old, new = (agreement(folder, judging) for folder in (before, out))
    print(f"agreement with the teacher on other calls: {old:.1%} before, {new:.1%} after")
    return old, new


def agreement(weights: Path, pieces: Iterable[Piece]) -> float:
    """The share of pieces of which these weights and the teacher say the same."""
    engine = CompactEngine(weights)
    engine.load()
    same = [
        engine.score([piece.audio])[0].probabilities.argmax() == piece.answer.argmax()
        for piece in pieces
    ]
    return float(np.mean(same))


def _pieces(files: Iterable[Path], teacher: Engine) -> Iterator[Piece]:
    """What is loud enough to be speech, with the teacher's answers."""
    for file in files:
        audio = read_audio(file)
        for start in range(0, len(audio) - PIECE_SAMPLES + 1, PIECE_SAMPLES):
            piece = audio[start : start + PIECE_SAMPLES]
            if rms(piece) >= QUIETEST:
                yield Piece(piece, teacher.score([piece])[0].probabilities)


def _prepared(pieces: Iterable[Piece], seed: int) -> list[Prepared]:
    """Each piece as it is and changed."""
    return [
        Prepared(tuple(pack(features.analyse(audio)) for audio in _versions(piece.audio, chance)))
        for number, piece in enumerate(pieces)
        for chance in [np.random.default_rng([seed, number])]
    ]


def _versions(audio: FloatArray, chance: Generator) -> Iterator[FloatArray]:
    yield audio
    for _ in range(VERSIONS - 1):
        yield augment(audio, Surroundings((), ()), chance)
