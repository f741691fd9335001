"""The model's labels by their text, never by their place: revisions differ in both."""

from collections.abc import Sequence
from typing import Final

from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.errors import EngineError

UNUSED: Final = "unuse"
"""Tokens that begin so are no labels; their probability is masked."""

_UNKNOWN: Final = "<unk>"


def columns(tokens: Sequence[str]) -> tuple[int, ...]:
    """Where the posterior of each of `EMOTIONS` stands among the model's outputs.

    Raises:
        EngineError: the model does not have exactly these nine labels.
    """
    places: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if token.startswith(UNUSED):
            continue
        if (label := _label(token)) in places:
            raise EngineError(f"the model has the label {label} twice; tokens.txt is damaged")
        places[label] = place
    if set(places) != set(EMOTIONS):
        missing = ", ".join(label for label in EMOTIONS if label not in places) or "none"
        strange = ", ".join(label for label in places if label not in set(EMOTIONS)) or "none"
        raise EngineError(
            f"the model has {len(places)} labels, but the nine of emotion2vec+ are needed"
            f" (missing: {missing}; unexpected: {strange}); use iic/emotion2vec_plus_large, _base"
            " or _seed"
        )
    return tuple(places[label] for label in EMOTIONS)


def _label(token: str) -> str:
    """`生气/angry` is angry; `<unk>` is unknown."""
    text = token.rpartition("/")[2].strip().lower()
    return Emotion.UNKNOWN if text == _UNKNOWN else text
