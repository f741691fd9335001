"""Audio that tests make themselves; no recorded speech is ever needed."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
VOWELS_HZ = np.array(
    [(700, 1200, 2500), (300, 2300, 3000), (400, 800, 2400), (500, 1800, 2500), (350, 900, 2300)]
)
"""The first three formants of five vowels."""

Signal = NDArray[np.float64]


def _pcm(signal: Signal) -> bytes:
    return (np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes()


def sine_pcm(seconds: float, frequency_hz: float = 440, amplitude: float = 0.3) -> bytes:
    """A pure tone, s16le mono 16 kHz."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return _pcm(amplitude * np.sin(2 * np.pi * frequency_hz * time))


def speech_like_pcm(seconds: float, seed: int = 0, amplitude: float = 0.4) -> bytes:
    """Vowels that glide into each other, five syllables a second: VAD takes it for speech.

    s16le mono 16 kHz. Speech is the movement of the formants; a buzz that stands still is none.
    """
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    beats = 5 * np.arange(count) / RATE_HZ
    turns = np.arange(int(beats[-1]) + 2 if count else 1)
    vowels = rng.integers(len(VOWELS_HZ), size=len(turns))
    pitch_hz = 130 + 25 * np.sin(0.88 * beats) + _glide(rng.uniform(-15, 15, len(turns)), beats)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    formants = [_glide(places_hz[vowels], beats) for places_hz in VOWELS_HZ.T]
    voice = np.zeros(count)
    for harmonic in range(1, 30):
        hz = harmonic * pitch_hz
        loudness = sum(
            height * np.exp(-(((hz - formant_hz) / width_hz) ** 2))
            for formant_hz, height, width_hz in zip(
                formants, (1, 0.5, 0.25), (120, 160, 220), strict=True
            )
        )
        voice += (loudness + 0.01) * harmonic**-0.3 * np.sin(harmonic * phase)
    swell = np.sin(2 * np.pi * beats)
    hiss = 0.3 * np.diff(rng.standard_normal(count + 1)) * np.clip(-swell, 0, 1)
    signal = voice * np.clip(0.55 + 0.6 * swell, 0.02, 1) + 0.1 * hiss
    return _pcm(amplitude * signal / max(1e-9, float(np.max(np.abs(signal)))))


def _glide(values: Signal, beats: Signal) -> Signal:
    return np.interp(beats, np.arange(len(values)), values)


def silence_pcm(seconds: float) -> bytes:
    """Digital silence, s16le mono 16 kHz."""
    return bytes(2 * int(seconds * RATE_HZ))


def write_wav(path: Path, pcm: bytes, rate_hz: int = RATE_HZ) -> Path:
    """Write s16le mono PCM as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return path
