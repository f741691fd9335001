"""Sounds without emotion, so that hum, rain and ringing tones end as `unknown`, not as anger."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.inference.engines.compact.features import SAMPLE_RATE_HZ

FloatArray = NDArray[np.float32]


def read_audio(path: Path) -> FloatArray:
    """A sound file as float32 mono at 16 kHz (files of another rate are interpolated)."""
    audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if rate_hz == SAMPLE_RATE_HZ:
        return np.asarray(mono, dtype=np.float32)
    positions = np.arange(0, len(mono) - 1, rate_hz / SAMPLE_RATE_HZ)
    return np.asarray(np.interp(positions, np.arange(len(mono)), mono), dtype=np.float32)


def noise_files(data: Path) -> list[Path]:
    """Recorded noise of the data folder; empty where it has none."""
    return sorted((data / "noise").glob("*/*.opus"))


def synthetic_noise(chance: Generator, seconds: float = 4.0) -> FloatArray:
    """Silence, coloured noise, tones, beeps, hum or clicks, as lines and machines make them."""
    samples = int(seconds * SAMPLE_RATE_HZ)
    makers = (_coloured, _tones, _beeps, _hum, _clicks, _silence)
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
