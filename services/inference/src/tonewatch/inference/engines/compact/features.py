"""What the compact model hears: one implementation for training and for live operation.

A window becomes, every 16 ms, the power in 64 mel bands and a picture of its periodicity
(the autocorrelation, after Boersma 1993, read at 48 logarithmically spaced pitches). Frames are
independent of each other until `normalise`, so training may cut cached frames as it likes and gets
exactly what live operation computes from the cut audio.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 640
HOP_SAMPLES = 256
FFT_SAMPLES = 1024
MEL_BANDS = 64
PITCH_BINS = 48
FEATURES = MEL_BANDS + PITCH_BINS

_LOWEST_BAND_HZ, _HIGHEST_BAND_HZ = 60.0, 7_600.0
_LOWEST_PITCH_HZ, _HIGHEST_PITCH_HZ = 65.0, 520.0
_PITCH_BAND_HZ = 1_200.0
_PRE_EMPHASIS = 0.97
_FLOOR = 1e-5  # 50 dB below the mean power of the window: where codecs and quiet rooms live
_TINY = 1e-12

FloatArray = NDArray[np.float32]


class Frames(NamedTuple):
    """Features of single frames, before the level of the window is taken out."""

    mel_power: FloatArray  # (frames, 64), linear power
    pitch: FloatArray  # (frames, 48), normalised autocorrelation, -1 to 1


def frame_count(samples: int) -> int:
    """How many frames a window of so many samples has; a window too short for one is padded."""
    return max(1, 1 + (samples - FRAME_SAMPLES) // HOP_SAMPLES)


def analyse(window: FloatArray) -> Frames:
    """Features of float32 mono audio at 16 kHz of any level; what is not a number counts as 0."""
    spectrum = np.fft.rfft(_framed(window) * _hann(), n=FFT_SAMPLES)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel_power = (power * _emphasis()) @ _mel_matrix()
    return Frames(mel_power.astype(np.float32), _periodicity(power).astype(np.float32))


def normalise(frames: Frames) -> FloatArray:
    """The network's input, (frames, 112): log power relative to the window's own mean, and pitch.

    The level of the audio is gone after this. Silence gives the floor in every band.
    """
    mean_power = float(frames.mel_power.mean())
    relative = frames.mel_power / max(mean_power, _TINY)
    return np.concatenate(
        [np.log10(relative + _FLOOR) + 1.0, frames.pitch], axis=1, dtype=np.float32
    )


def _framed(window: FloatArray) -> FloatArray:
    """Overlapping frames (frames, 640) of the window, its constant part removed."""
    audio = np.nan_to_num(window, nan=0.0, posinf=0.0, neginf=0.0)
    # Scaled to its own peak, so that float32 is as exact for a whisper as for a shout.
    audio = audio / max(float(np.abs(audio).max(initial=0.0)), _TINY)
    if len(audio) < FRAME_SAMPLES:
        audio = np.pad(audio, (0, FRAME_SAMPLES - len(audio)))
    framed = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SAMPLES)[::HOP_SAMPLES]
    return np.asarray(framed - framed.mean(axis=1, keepdims=True), dtype=np.float32)


def _periodicity(power: FloatArray) -> FloatArray:
    """Autocorrelation of each frame at 48 pitches, 1 for a perfectly periodic frame."""
    cosines, weights = _pitch_matrix()
    low = power[:, : len(weights)]
    correlation: FloatArray = (low @ cosines) / np.maximum(low @ weights, _TINY)[:, None]
    return correlation


@cache
def _hann() -> FloatArray:
    return np.hanning(FRAME_SAMPLES).astype(np.float32)


@cache
def _emphasis() -> FloatArray:
    """Pre-emphasis as a weight of each FFT bin's power, so that it needs no neighbouring sample."""
    phase = 2 * np.pi * np.arange(FFT_SAMPLES // 2 + 1) / FFT_SAMPLES
    return np.asarray(1 + _PRE_EMPHASIS**2 - 2 * _PRE_EMPHASIS * np.cos(phase), dtype=np.float32)


@cache
def _pitch_matrix() -> tuple[FloatArray, FloatArray]:
    """Takes power below 1.2 kHz to its correlation at 48 lags (a cosine sum), and to its energy.

    Above that the correlation swings faster than the pitches are spaced; telephone speech still
    has its second to seventh harmonic below. The window's own correlation is divided out.
    """
    bin_hz = (
        np.arange(int(_PITCH_BAND_HZ * FFT_SAMPLES / SAMPLE_RATE_HZ)) * SAMPLE_RATE_HZ / FFT_SAMPLES
    )
    weights = np.cos(0.5 * np.pi * bin_hz / _PITCH_BAND_HZ) ** 2
    lags_seconds = 1.0 / np.geomspace(_LOWEST_PITCH_HZ, _HIGHEST_PITCH_HZ, PITCH_BINS)
    hann = np.hanning(FRAME_SAMPLES)
    own = np.correlate(hann, hann, mode="full")[FRAME_SAMPLES - 1 :]
    own_at_lags = np.interp(lags_seconds * SAMPLE_RATE_HZ, np.arange(FRAME_SAMPLES), own / own[0])
    cosines = np.cos(2 * np.pi * np.outer(bin_hz, lags_seconds)) * weights[:, None] / own_at_lags
    return cosines.astype(np.float32), weights.astype(np.float32)


@cache
def _mel_matrix() -> FloatArray:
    """Triangular filters (513, 64), evenly spaced on the mel scale of O'Shaughnessy, area one."""
    bin_hz = np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FFT_SAMPLES
    edges = _hz(np.linspace(_mel(_LOWEST_BAND_HZ), _mel(_HIGHEST_BAND_HZ), MEL_BANDS + 2))
    rising = (bin_hz[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bin_hz[:, None]) / np.diff(edges)[None, 1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(
        filters / np.maximum(filters.sum(axis=0, keepdims=True), _TINY), dtype=np.float32
    )


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
