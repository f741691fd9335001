"""Audio that tests make themselves; no recorded speech is ever needed."""

import wave
from pathlib import Path

import numpy as np

RATE_HZ = 16_000


def _pcm(signal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return (np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes()


def sine_pcm(seconds: float, frequency_hz: float = 440, amplitude: float = 0.3) -> bytes:
    """A pure tone, s16le mono 16 kHz."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return _pcm(amplitude * np.sin(2 * np.pi * frequency_hz * time))


def speech_like_pcm(seconds: float, seed: int = 0, amplitude: float = 0.4) -> bytes:
    """A buzz with formants and syllables: VAD takes it for speech. s16le mono 16 kHz."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    time = np.arange(count) / RATE_HZ
    pitch_hz = 140 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    buzz = sum(
        np.sin(k * phase) * (np.exp(-(((k * 140 - f) / 250) ** 2)) + 0.05)
        for k in range(1, 25)
        for f in (500, 1500, 2500)
    )
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    signal = buzz * syllables + 0.01 * rng.standard_normal(count)
    return _pcm(amplitude * signal / max(1e-9, float(np.max(np.abs(signal)))))


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
