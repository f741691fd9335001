"""Stretches of the conversation last as long as they say; effort is audible in the voice."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.synthesise import ANGRY, CALM, CONVERSATION, fill, spread
from tonewatch.training.voice import Mood, shape

RATE_HZ = 16_000


def sentence(seconds: float) -> NDArray[np.float32]:
    return np.full(int(seconds * RATE_HZ), 0.5, dtype=np.float32)


def test_sentences_fill_their_stretch_exactly_with_equal_pauses() -> None:
    audio = fill([sentence(1.0), sentence(1.5), sentence(0.9)], 4)
    assert len(audio) == 4 * RATE_HZ
    quiet = np.flatnonzero(np.diff((audio == 0).astype(int)))
    pauses = [end - start for start, end in pairwise(quiet)][::2]
    assert len(set(pauses)) == 1
    assert pauses[0] == pytest.approx(0.2 * RATE_HZ, abs=1)


@pytest.mark.parametrize("seconds", [1.95, 0.5])
def test_too_many_or_too_few_words_are_refused(seconds: float) -> None:
    with pytest.raises(InvalidInputError, match="2 s"):
        fill([sentence(seconds)], 2)


def test_sentences_are_spread_in_turn() -> None:
    audio = spread([sentence(0.1), 2 * sentence(0.1)], 0.05)
    assert len(audio) == round(0.3 * RATE_HZ)
    assert audio[0] == 0.5
    assert audio[round(0.16 * RATE_HZ)] == 1.0


def tilt_of(audio: NDArray[np.float32]) -> float:
    power = np.abs(np.fft.rfft(audio)) ** 2
    return float(power[2_000:].sum() / power[:2_000].sum())


def test_effort_brightens_the_voice_and_calm_dulls_it() -> None:
    voice = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32)
    plain = Mood("en", 50, 100, 150)
    dull = Mood("en", 50, 100, 150, tilt_db_per_octave=-4)
    pressed = Mood("en", 50, 100, 150, tilt_db_per_octave=4)
    tilts = [tilt_of(shape(voice, mood)) for mood in (dull, plain, pressed)]
    assert tilts[0] < 0.5 * tilts[1] < 0.25 * tilts[2]


def test_drive_compresses_the_voice() -> None:
    voice = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32)
    driven = shape(voice, Mood("en", 50, 100, 150, drive=0.8))
    plain = shape(voice, Mood("en", 50, 100, 150))
    assert (
        np.abs(driven).mean() / np.abs(driven).max()
        > 2 * np.abs(plain).mean() / np.abs(plain).max()
    )


def test_one_synthetic_person_is_calm_angry_and_calm_again() -> None:
    assert [stretch.mood for stretch in CONVERSATION] == [CALM, ANGRY, CALM]
    assert CALM.voice == ANGRY.voice
