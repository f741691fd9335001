"""What the compact model hears: one implementation for training and for live operation.

A window becomes the power in 80 mel bands every 10 ms, as Whisper's encoder expects it (Radford et
al. 2022; mel scale of Slaney 1998). Frames are independent of each other until `normalise`, so
training may cut cached frames as it likes and gets what live operation computes from the cut audio.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
MEL_BANDS = 80

_TINY = 1e-10
_DYNAMIC_RANGE = 8.0
"""In powers of ten below the loudest band of the window; quieter is cut off, as in Whisper."""

FloatArray = NDArray[np.float32]


class Frames(NamedTuple):
    """Features of single frames, before the level of the window is taken out."""

    log_mel: FloatArray  # (frames, 80), log10 of power
    power: FloatArray  # (frames,), mean square of the samples


def frame_count(samples: int) -> int:
    """How many frames a window of so many samples has; a window too short for one is padded."""
    return max(1, 1 + (samples - FRAME_SAMPLES) // HOP_SAMPLES)


def analyse(window: FloatArray) -> Frames:
    """Features of float32 mono audio at 16 kHz of any level; what is not a number counts as 0."""
    framed = _framed(window)
    spectrum = np.fft.rfft(framed * _hann())
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel = np.maximum(power @ _mel_matrix(), _TINY)
    mean_square = np.einsum("ij,ij->i", framed, framed) / FRAME_SAMPLES
    return Frames(np.log10(mel), mean_square.astype(np.float32))


def normalise(frames: Frames) -> FloatArray:
    """The network's input, (frames, 80): as if the window had been scaled to unit variance.

    The level of the audio is gone after this.
    """
    level = np.log10(max(float(frames.power.mean()), _TINY))
    relative = frames.log_mel - np.float32(level)
    floor = relative.max() - _DYNAMIC_RANGE
    return np.asarray((np.maximum(relative, floor) + 4.0) / 4.0, dtype=np.float32)


def _framed(window: FloatArray) -> FloatArray:
    """Overlapping frames (frames, 400) of the window, its constant part removed."""
    audio = np.nan_to_num(window, nan=0.0, posinf=0.0, neginf=0.0)
    # Scaled to its own peak, so that float32 is as exact for a whisper as for a shout.
    audio = audio / max(float(np.abs(audio).max(initial=0.0)), _TINY)
    if len(audio) < FRAME_SAMPLES:
        audio = np.pad(audio, (0, FRAME_SAMPLES - len(audio)))
    framed = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SAMPLES)[::HOP_SAMPLES]
    return np.asarray(framed - framed.mean(axis=1, keepdims=True), dtype=np.float32)


def band_centres_hz() -> NDArray[np.float64]:
    """The middle of each mel band, (80,)."""
    return _band_edges_hz()[1:-1]


def _band_edges_hz() -> NDArray[np.float64]:
    return _hz(np.linspace(0.0, _mel(SAMPLE_RATE_HZ / 2), MEL_BANDS + 2))


@cache
def _hann() -> FloatArray:
    return np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)


@cache
def _mel_matrix() -> FloatArray:
    """Triangular filters (201, 80) between 0 and 8 kHz, each of unit area in Hz."""
    bin_hz = np.arange(FRAME_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FRAME_SAMPLES
    edges = _band_edges_hz()
    rising = (bin_hz[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bin_hz[:, None]) / np.diff(edges)[None, 1:]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))
    return np.asarray(filters, dtype=np.float32)


_LINEAR_UP_TO_HZ = 1_000.0
_MELS_PER_HZ = 3.0 / 200.0
_LOG_STEP = float(np.log(6.4)) / 27.0


def _mel(hz: float) -> float:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    if hz <= _LINEAR_UP_TO_HZ:
        return hz * _MELS_PER_HZ
    above = float(np.log(hz / _LINEAR_UP_TO_HZ))
    return _LINEAR_UP_TO_HZ * _MELS_PER_HZ + above / _LOG_STEP


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _LINEAR_UP_TO_HZ * _MELS_PER_HZ
    above = _LINEAR_UP_TO_HZ * np.exp(_LOG_STEP * (mel - knee))
    return np.where(mel <= knee, mel / _MELS_PER_HZ, above)
