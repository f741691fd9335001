"""The three scenes of a measurement, made from the same recordings by seed.

A is the recording as it is; B an office: noise or keyboards at 5 to 15 dB; C a speakerphone on a
telephone line: a room, the loudspeaker's echo, and G.711's band and coding.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from tonewatch.evaluation import acoustics, lines
from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray
from tonewatch.evaluation.audio import read_audio
from tonewatch.evaluation.sounds import Surroundings


class Scene(StrEnum):
    """How the recordings are heard."""

    A = "A"
    B = "B"
    C = "C"


DESCRIPTIONS = {
    Scene.A: "as recorded",
    Scene.B: "office noise and keyboards at 5 to 15 dB",
    Scene.C: "speakerphone (room and echo) over a telephone line",
}


def place_in(
    scene: Scene, speech: FloatArray, around: Surroundings, seed: Sequence[int]
) -> FloatArray:
    """The speech (mono, 16 kHz) as it sounds in a scene; the same seed makes the same sound.

    Raises:
        InvalidInputError: a file of noise or of a room cannot be read.
    """
    chance = np.random.default_rng(seed)
    if scene is Scene.A:
        return speech
    if scene is Scene.B:
        # first the kind: a folder of 150 keyboards is not to drown 16 offices
        kind = around.noises[int(chance.integers(len(around.noises)))] if around.noises else ()
        noise = _chosen(kind, chance)
        noise = _office_noise(chance) if noise is None else noise
        return acoustics.add_noise(speech, noise, chance.uniform(5, 15), chance)
    room = _chosen(around.rooms, chance)
    room = _synthetic_room(chance) if room is None else _from_direct_sound(room)
    heard = acoustics.in_room(speech, room)
    heard = acoustics.echoed(heard, chance.uniform(0.03, 0.15), chance.uniform(8, 18))
    return lines.telephone(heard)


def _chosen(files: Sequence[Path], chance: np.random.Generator) -> FloatArray | None:
    return _read(files[int(chance.integers(len(files)))]) if files else None


@cache
def _read(file: Path) -> FloatArray:
    return read_audio(file)


def _from_direct_sound(response: FloatArray) -> FloatArray:
    """At most a second of a room's response, from its direct sound on, of unit energy."""
    start = int(np.abs(response).argmax())
    cut = response[start : start + SAMPLE_RATE_HZ]
    return np.asarray(cut / max(float(np.sqrt(np.sum(cut**2))), 1e-9), dtype=np.float32)


def _office_noise(chance: np.random.Generator) -> FloatArray:
    """Ten seconds of air conditioning and key presses."""
    samples = 10 * SAMPLE_RATE_HZ
    spectrum = np.fft.rfft(chance.standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 30.0)
    audio = np.fft.irfft(spectrum / hz**0.8, samples)
    audio /= np.abs(audio).max()
    click = chance.standard_normal(400) * np.geomspace(1, 0.01, 400)
    for start in chance.integers(samples - 400, size=40):
        audio[start : start + 400] += click
    return audio.astype(np.float32)


def _synthetic_room(chance: np.random.Generator) -> FloatArray:
    """Exponentially fading noise after a direct sound: 0.2 to 0.6 s to -60 dB."""
    seconds = chance.uniform(0.2, 0.6)
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = 0.05 * chance.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail[0] = 1.0
    return _from_direct_sound(tail.astype(np.float32))
