"""Whose voice may be kept or heard: nobody's, unless a label of the source asks for it."""

from collections.abc import Collection
from typing import Literal

from tonewatch.shared.messages import Speaker

Sources = Literal["none", "labelled", "all"]
"""Of which sources: of none, of those with the label, of all."""


def consents(
    sources: Sources, speakers: Collection[Speaker], label: str | None, speaker: Speaker
) -> bool:
    """Whether this voice of a source may be used, by the value of the source's label.

    The operator has said of which `sources`, and of which `speakers` at all, whatever labels say.
    The label is `true`, or names speakers (`customer`, `agent`, `mixed`; several with spaces).
    """
    if speaker not in speakers:
        return False
    if sources != "labelled":
        return sources == "all"
    words = (label or "").lower().replace(",", " ").split()
    return words == ["true"] or speaker.value in words
