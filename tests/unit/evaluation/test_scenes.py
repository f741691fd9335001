"""Scenes are the same for the same seed, and A is the recording itself."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.audio import sine_pcm, write_wav
from tonewatch.evaluation.acoustics import rms
from tonewatch.evaluation.scenes import Scene, place_in
from tonewatch.evaluation.sounds import Surroundings, surroundings_of

SPEECH = np.sin(np.arange(32_000) / 9).astype(np.float32)


def test_scene_a_changes_nothing() -> None:
    assert place_in(Scene.A, SPEECH, Surroundings(), [1]) is SPEECH


@pytest.mark.parametrize("scene", [Scene.B, Scene.C])
def test_a_scene_is_made_by_its_seed(scene: Scene) -> None:
    first, again, other = (place_in(scene, SPEECH, Surroundings(), [seed]) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert len(first) == len(SPEECH)
    assert not np.allclose(first, SPEECH, atol=0.01)


def test_noise_comes_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "noise" / "keyboard").mkdir(parents=True)
    write_wav(tmp_path / "noise" / "keyboard" / "x.wav", sine_pcm(2, frequency_hz=3_000))
    noise = place_in(Scene.B, SPEECH, surroundings_of(tmp_path), [1]) - SPEECH
    peak_hz = np.abs(np.fft.rfft(noise)).argmax() / 2
    assert peak_hz == pytest.approx(3_000, abs=5)
    ratio_db = 20 * np.log10(rms(SPEECH) / rms(noise))
    assert 5 <= ratio_db <= 15


def test_many_keyboards_do_not_drown_one_office(tmp_path: Path) -> None:
    office = write_wav(tmp_path / "office.wav", sine_pcm(2, frequency_hz=3_000))
    keys = write_wav(tmp_path / "keys.wav", sine_pcm(2, frequency_hz=5_000))
    around = Surroundings(((office,), (keys,) * 50))
    noises = [place_in(Scene.B, SPEECH, around, [seed]) - SPEECH for seed in range(40)]
    in_office = sum(np.abs(np.fft.rfft(noise)).argmax() / 2 < 4_000 for noise in noises)
    assert 10 <= in_office <= 30


def test_a_room_comes_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    click = np.zeros(8_000)
    click[[100, 4_100]] = 0.8, 0.4  # a wall a quarter of a second away
    soundfile.write(tmp_path / "rooms" / "wall.wav", click, 16_000)
    burst = np.zeros(16_000, dtype=np.float32)
    burst[:200] = np.sin(np.arange(200) / 3)
    heard = np.abs(place_in(Scene.C, burst, surroundings_of(tmp_path), [1]))
    assert heard[:200].max() > heard[4_000:4_200].max() > 3 * heard[14_000:].max()
