"""Noise and rooms come from a folder, and the noise that training never hears is known."""

from pathlib import Path

import pytest

from tonewatch.evaluation.sounds import (
    Surroundings,
    held_out_noise,
    noise_recordings,
    surroundings_of,
)
from tonewatch.shared.errors import InvalidInputError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Noise in three folders: 0 to 4, 5 and 6, 7 to 9 in the order of their names."""
    names = ["ambience/a", "ambience/b", "ambience/c", "ambience/d", "ambience/e"]
    names += ["keyboard/a", "keyboard/b", "nonspeech/a", "nonspeech/b", "nonspeech/c"]
    for name in names:
        file = tmp_path / "noise" / f"{name}.opus"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "hall.flac").touch()
    return tmp_path


def names(files: list[Path] | tuple[Path, ...]) -> list[str]:
    return [f"{file.parent.name}/{file.stem}" for file in files]


def test_every_fourth_recording_is_held_out(data: Path) -> None:
    assert names(held_out_noise(data)) == ["ambience/a", "ambience/e", "nonspeech/b"]
    assert len(noise_recordings(data)) == 10


def test_the_office_is_ambience_and_keyboards(data: Path) -> None:
    around = surroundings_of(data)
    assert [names(kind) for kind in around.noises] == [
        ["ambience/a", "ambience/b", "ambience/c", "ambience/d", "ambience/e"],
        ["keyboard/a", "keyboard/b"],
    ]
    assert names(around.rooms) == ["rooms/hall"]


def test_only_held_out_noise_on_demand(data: Path) -> None:
    around = surroundings_of(data, held_out_only=True)
    assert [names(kind) for kind in around.noises] == [["ambience/a", "ambience/e"]]
    assert names(around.rooms) == ["rooms/hall"]


def test_without_held_out_noise_there_is_an_error(data: Path) -> None:
    for file in (data / "noise" / "ambience").iterdir():
        file.unlink()
    (data / "noise" / "ambience").rmdir()
    for file in (data / "noise" / "keyboard").iterdir():
        file.rename(file.with_suffix(".wav"))  # training hears .opus, and splits nothing else
    with pytest.raises(InvalidInputError, match="no held-out noise"):
        surroundings_of(data, held_out_only=True)
    with pytest.raises(InvalidInputError, match="name it"):
        surroundings_of(None, held_out_only=True)


def test_without_a_folder_all_is_synthesised() -> None:
    assert surroundings_of(None) == Surroundings()


def test_a_folder_without_sounds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="neither noise/ambience"):
        surroundings_of(tmp_path)
