"""Emotions in a terminal: each has a colour and a letter, for colour is never the only signal."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.text import Text

from tonewatch.cli.texts import Texts
from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH

COLOURS: Final[Mapping[str, str]] = {
    "angry": "#ef6a62",
    "disgusted": "#a3b34a",
    "fearful": "#a883e6",
    "happy": "#f2c14b",
    "neutral": "#7d8ea1",
    "other": "#5bbcae",
    "sad": "#63a0ee",
    "surprised": "#f08bb9",
    "unknown": "#8f857a",
}
"""Those of the console's page."""

LETTERS: Final[Mapping[str, str]] = {
    "angry": "A",
    "disgusted": "D",
    "fearful": "F",
    "happy": "H",
    "neutral": "n",
    "other": "o",
    "sad": "S",
    "surprised": "!",
    "unknown": "?",
    NO_SPEECH: "-",
    "gap": "x",
    "": " ",
}
"""One per second of a ribbon; nothing is known of an empty one."""

BAR_CELLS: Final = 30


def plain(text: object) -> str:
    """A text from outside, without anything that moves a cursor or paints."""
    marked = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text))
    return "".join(marked)


def local_time(iso: str | None) -> str:
    """A time as the clock of this machine would have shown it; empty if there is none."""
    if not iso:
        return ""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def painted(emotion: str, texts: Texts) -> Text:
    """An emotion's name in its colour."""
    return Text(texts.emotion(emotion), style=COLOURS.get(emotion, "dim"))


def ribbon(seconds: list[str]) -> Text:
    """A letter on its colour for each second."""
    drawn = Text()
    for emotion, run in groupby(seconds):
        letters = LETTERS.get(emotion, "?") * len(list(run))
        drawn.append(letters, _style(emotion))
    return drawn


def legend(texts: Texts) -> Text:
    """What the letters of a ribbon mean."""
    drawn = Text()
    for emotion in map(str, (*EMOTIONS, NO_SPEECH, "gap")):
        drawn.append(LETTERS[emotion], _style(emotion))
        drawn.append(f" {texts.emotion(emotion)}  ", "dim")
    return drawn


def _style(emotion: str) -> str:
    colour = COLOURS.get(emotion)
    return f"black on {colour}" if colour else "dim"


def bars(probabilities: Mapping[str, float], texts: Texts) -> list[Text]:
    """A bar for each of the nine emotions, in the model's order."""
    names = {str(emotion): texts.emotion(emotion) for emotion in EMOTIONS}
    room = max(Text(name).cell_len for name in names.values())
    lines = []
    for emotion, name in names.items():
        share = probabilities.get(emotion, 0.0)
        filled = round(share * BAR_CELLS)
        line = Text(name + " " * (room - Text(name).cell_len + 1))
        line.append("█" * filled, COLOURS[emotion])
        line.append("·" * (BAR_CELLS - filled), "dim")
        line.append(f" {share:.2f}")
        lines.append(line)
    return lines
