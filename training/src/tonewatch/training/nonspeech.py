"""Sounds without emotion, so that hum, rain and ringing tones end as `unknown`, not as anger."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.evaluation.acoustics import SAMPLE_RATE_HZ, FloatArray


def synthetic_noise(chance: Generator, seconds: float = 4.0) -> FloatArray:
    """Silence, noise, tones, hum, clicks, keypads or music, as lines and machines make them."""
    samples = int(seconds * SAMPLE_RATE_HZ)
    makers = (_coloured, _tones, _beeps, _hum, _clicks, _silence, _keypad, _music, _music)
    audio = makers[chance.integers(len(makers))](samples, chance)
    return (audio + 10 ** chance.uniform(-5, -2.5) * chance.standard_normal(samples)).astype(
        np.float32
    )


def _coloured(samples: int, chance: Generator) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(chance.standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 20.0)
    audio = np.fft.irfft(spectrum * hz ** -chance.uniform(-0.3, 1.5), samples)
    return np.asarray(audio / np.abs(audio).max())


def _tones(samples: int, chance: Generator) -> NDArray[np.float64]:
    time = np.arange(samples) / SAMPLE_RATE_HZ
    frequencies = np.exp(chance.uniform(np.log(80), np.log(6_000), size=chance.integers(1, 4)))
    return np.asarray(np.mean([np.sin(2 * np.pi * hz * time) for hz in frequencies], axis=0))


def _beeps(samples: int, chance: Generator) -> NDArray[np.float64]:
    period = int(chance.uniform(0.1, 1.0) * SAMPLE_RATE_HZ)
    sounding = np.arange(samples) % period < chance.uniform(0.2, 0.8) * period
    return _tones(samples, chance) * sounding


def _hum(samples: int, chance: Generator) -> NDArray[np.float64]:
    time = np.arange(samples) / SAMPLE_RATE_HZ
    base_hz = chance.choice([50.0, 60.0, 100.0, 120.0, chance.uniform(60, 400)])
    strengths = chance.random(8) / np.arange(1, 9)
    waves = [s * np.sin(2 * np.pi * base_hz * k * time) for k, s in enumerate(strengths, 1)]
    return np.asarray(np.sum(waves, axis=0))


def _clicks(samples: int, chance: Generator) -> NDArray[np.float64]:
    audio = np.zeros(samples)
    audio[chance.integers(samples, size=chance.integers(1, 60))] = chance.uniform(-1, 1)
    return np.convolve(audio, chance.standard_normal(80) * np.geomspace(1, 0.01, 80), mode="same")


def _silence(samples: int, chance: Generator) -> NDArray[np.float64]:
    return np.zeros(samples) + chance.uniform(-1e-3, 1e-3)


_KEYPAD_HZ = ((697, 770, 852, 941), (1_209, 1_336, 1_477, 1_633))


def _keypad(samples: int, chance: Generator) -> NDArray[np.float64]:
    """Dialled digits: pairs of tones (ITU-T Q.23)."""
    time = np.arange(samples) / SAMPLE_RATE_HZ
    period = int(chance.uniform(0.1, 0.4) * SAMPLE_RATE_HZ)
    audio = np.zeros(samples)
    for start in range(0, samples, period):
        stretch = slice(start, start + int(0.6 * period))
        for group in _KEYPAD_HZ:
            audio[stretch] += np.sin(2 * np.pi * chance.choice(group) * time[stretch])
    return audio / 2


_EVEN_ODDS, _BEAT_SHARE = 0.5, 0.4
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 10, 12)


def _music(samples: int, chance: Generator) -> NDArray[np.float64]:
    """Chords and a melody of notes that decay or swell, with a few harmonics; sometimes a beat."""
    audio = np.zeros(samples)
    beat = int(chance.uniform(0.18, 0.8) * SAMPLE_RATE_HZ)
    root_hz = chance.uniform(80, 330)
    scale = np.array(_MAJOR if chance.random() < _EVEN_ODDS else _MINOR)
    harmonics = 1 / np.arange(1, 7) ** chance.uniform(0.6, 2.5)
    decay = chance.uniform(0.15, 3)
    vibrato = chance.choice([0.0, chance.uniform(0, 0.01)])
    for start in range(0, samples, beat):
        length = min(samples - start, int(beat * chance.choice([1, 1, 2, 4])))
        time = np.arange(length) / SAMPLE_RATE_HZ
        shape = np.exp(-time / decay) * np.minimum(1, time / chance.uniform(0.002, 0.1))
        for note in chance.choice(scale, size=chance.integers(1, 4)):
            hz = root_hz * 2 ** (note / 12) * chance.choice([1, 1, 2])
            phase = 2 * np.pi * hz * time + vibrato * hz / 5 * np.sin(2 * np.pi * 5 * time)
            waves = [s * np.sin(k * phase) for k, s in enumerate(harmonics, 1)]
            audio[start : start + length] += shape * np.sum(waves, axis=0)
        if chance.random() < _BEAT_SHARE:
            audio[start : start + length] += np.exp(-time * 40) * chance.standard_normal(length)
    return audio / max(float(np.abs(audio).max()), 1e-9)
