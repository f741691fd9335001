"""What a line carries when nobody speaks: silence, noise, signalling tones, music on hold.

Made here by other means than the sounds that the compact model is trained on. Each is float32 mono
at 16 kHz, (samples,), with a peak of 0.5 or less.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 16_000

Audio = NDArray[np.float32]

_KEYS: Final = [(low, high) for low in (697, 770, 852, 941) for high in (1_209, 1_336, 1_477)]


def silence(seconds: int) -> Audio:
    """Digital silence."""
    return np.zeros(seconds * RATE_HZ, dtype=np.float32)


def line_noise(seconds: int) -> Audio:
    """A quiet open line, 60 dB down."""
    return _scaled(_chance().standard_normal(seconds * RATE_HZ), 0.001)


def white_noise(seconds: int) -> Audio:
    """Loud hiss."""
    return _scaled(_chance().standard_normal(seconds * RATE_HZ))


def pink_noise(seconds: int) -> Audio:
    """As of wind or a fan."""
    spectrum = np.fft.rfft(_chance().standard_normal(seconds * RATE_HZ))
    return _scaled(np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1))))


def dial_tone(seconds: int) -> Audio:
    """425 Hz, as in most of Europe and in China."""
    return _tones((425,), seconds)


def american_dial_tone(seconds: int) -> Audio:
    """350 and 440 Hz."""
    return _tones((350, 440), seconds)


def ringing(seconds: int) -> Audio:
    """One second of tone, four of silence."""
    return _cadence(_tones((425,), seconds), 1.0, 4.0)


def busy(seconds: int) -> Audio:
    """Half a second each."""
    return _cadence(_tones((425,), seconds), 0.5, 0.5)


def dtmf(seconds: int) -> Audio:
    """Somebody types: keys of 120 ms, pauses of 80 ms."""
    chance = _chance()
    keys = [_KEYS[int(chance.integers(len(_KEYS)))] for _ in range(seconds * 5)]
    presses = [np.pad(_tones(key, 1)[:1_920], (0, 1_280)) for key in keys]
    return np.concatenate(presses)[: seconds * RATE_HZ]


def plucked_music(seconds: int) -> Audio:
    """Arpeggios of plucked strings (Karplus & Strong 1983)."""
    audio = np.zeros(seconds * RATE_HZ)
    for step, start in enumerate(range(0, len(audio), RATE_HZ // 4)):
        chord = ((0, 4, 7, 12), (9, 12, 16, 21), (5, 9, 12, 17), (7, 11, 14, 19))[step // 16 % 4]
        note = _pluck(196 * 2 ** (chord[step % 4] / 12), RATE_HZ)
        audio[start : start + RATE_HZ] += note[: len(audio) - start]
    return _scaled(audio)


def organ_music(seconds: int) -> Audio:
    """Slow chords with vibrato, like the music on hold of an old exchange."""
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    wobble = 0.15 * np.sin(2 * np.pi * 5.5 * time)
    chords = [(0, 7, 12, 16), (5, 9, 12, 17), (7, 11, 14, 19), (0, 4, 7, 12)]
    audio = np.zeros(len(time))
    for number, start in enumerate(range(0, len(time), 2 * RATE_HZ)):
        stretch = slice(start, start + 2 * RATE_HZ)
        for semitone in chords[number % 4]:
            phase = 2 * np.pi * 220 * 2 ** (semitone / 12) * time[stretch] + wobble[stretch]
            audio[stretch] += np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)
    return _scaled(audio)


def band_music(seconds: int) -> Audio:
    """The plucked strings with a bass and a drum."""
    audio = plucked_music(seconds) + 0.6 * _cadence(_tones((98,), seconds), 0.3, 0.2)
    hit = _chance().standard_normal(2_000) * np.geomspace(1, 0.001, 2_000)
    for start in range(0, len(audio) - len(hit), RATE_HZ // 2):
        audio[start : start + len(hit)] += (0.2 * hit).astype(np.float32)
    return _scaled(audio)


NOT_SPEECH: Final[Mapping[str, Callable[[int], Audio]]] = {
    make.__name__: make
    for make in (
        silence, line_noise, white_noise, pink_noise, dial_tone, american_dial_tone, ringing, busy,
        dtmf, plucked_music, organ_music, band_music,
    )
}  # fmt: skip


def _chance() -> np.random.Generator:
    return np.random.default_rng(11)


def _scaled(audio: NDArray[np.floating], peak: float = 0.5) -> Audio:
    return np.asarray(peak * audio / np.abs(audio).max(), dtype=np.float32)


def _tones(frequencies_hz: Sequence[float], seconds: int) -> Audio:
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    waves = [np.sin(2 * np.pi * hz * time) for hz in frequencies_hz]
    return np.asarray(0.5 * np.mean(waves, axis=0), dtype=np.float32)


def _cadence(audio: Audio, on_seconds: float, off_seconds: float) -> Audio:
    place = np.arange(len(audio)) / RATE_HZ % (on_seconds + off_seconds)
    return np.asarray(audio * (place < on_seconds), dtype=np.float32)


def _pluck(hz: float, samples: int) -> NDArray[np.float64]:
    """A string: noise that runs in a circle and loses its edges on every round."""
    string = _chance().uniform(-1, 1, int(RATE_HZ / hz))
    rounds = [string]
    while sum(map(len, rounds)) < samples:
        string = 0.498 * (string + np.roll(string, 1))
        rounds.append(string)
    return np.concatenate(rounds)[:samples]
