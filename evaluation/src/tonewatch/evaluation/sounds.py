"""Where scenes take noise and rooms from, and which noise the training of a model never hears.

A model that was trained with a noise copes with it better than with others, so figures in noise
are only honest with recordings that it does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import InvalidInputError

OFFICE: Final = ("ambience", "keyboard")
"""Folders of `noise/` that sound like an office."""

_HELD_OUT_EVERY: Final = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Files of noise, one tuple per kind of noise, and of room impulse responses.

    Where there are none, scenes synthesise them.
    """

    noises: tuple[tuple[Path, ...], ...] = ()
    rooms: tuple[Path, ...] = ()


def noise_recordings(data: Path) -> list[Path]:
    """All recordings of noise in a data folder, in the order that splits them."""
    return sorted((data / "noise").glob("*/*.opus"))


def held_out_noise(data: Path) -> list[Path]:
    """The recordings of noise that training never hears: every fourth, from the first on.

    Training and measurement both ask this function, so that they cannot disagree. A recording
    that is added or removed shifts the split: train and measure on the same folder.
    """
    return noise_recordings(data)[::_HELD_OUT_EVERY]


def surroundings_of(data: Path | None, *, held_out_only: bool = False) -> Surroundings:
    """The sounds of a data folder: `noise/ambience`, `noise/keyboard` and `rooms`.

    Raises:
        InvalidInputError: the folder has none of them, or no noise that is held out.
    """
    if data is None:
        if held_out_only:
            raise InvalidInputError("only a folder of sounds has held-out ones: name it, too")
        return Surroundings()
    kinds = [_files(data / "noise" / name) for name in OFFICE]
    if held_out_only:
        held_out = frozenset(held_out_noise(data))
        kinds = [[file for file in files if file in held_out] for files in kinds]
        if not any(kinds):
            raise InvalidInputError(
                f"{data} has no held-out noise: one in {_HELD_OUT_EVERY} of noise/*/*.opus is"
            )
    noises = tuple(tuple(files) for files in kinds if files)
    rooms = tuple(_files(data / "rooms"))
    if not noises and not rooms:
        raise InvalidInputError(
            f"{data} has neither noise/ambience, noise/keyboard nor rooms: name a folder"
            " that has, or none, and noise and rooms are synthesised"
        )
    return Surroundings(noises, rooms)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("*.*"))
