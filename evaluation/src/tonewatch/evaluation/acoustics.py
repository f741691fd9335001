"""What lies between a mouth and us: rooms, noise, loudspeakers, other microphones, clipping.

Everything works on float32 mono audio at 16 kHz and takes its chances from the generator it is
given, so that a run can be repeated.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000


def change_speed(speech: FloatArray, factor: float) -> FloatArray:
    """Plays the speech faster or slower; pitch and formants move along, as with another speaker."""
    positions = np.arange(0, len(speech) - 1, factor)
    return np.asarray(np.interp(positions, np.arange(len(speech)), speech), dtype=np.float32)


def add_noise(
    speech: FloatArray, noise: FloatArray, snr_db: float, chance: Generator
) -> FloatArray:
    """The speech with a random stretch of the noise under it."""
    start = int(chance.integers(len(noise)))
    stretch = np.take(noise, np.arange(start, start + len(speech)), mode="wrap")
    gain = rms(speech) / max(rms(stretch), 1e-9) * 10 ** (-snr_db / 20)
    return (speech + gain * stretch).astype(np.float32)


def in_room(speech: FloatArray, response: FloatArray) -> FloatArray:
    """The speech as heard through a room's impulse response, of the same length."""
    size = transform_size(len(speech) + len(response))
    product = np.fft.rfft(speech, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(speech)].astype(np.float32)


def echoed(speech: FloatArray, delay_seconds: float, loss_db: float) -> FloatArray:
    """The speech and its quieter copy, as a loudspeaker gives it back to the microphone."""
    delay = max(1, round(delay_seconds * SAMPLE_RATE_HZ))
    copy = np.concatenate([np.zeros(delay, dtype=np.float32), speech])[: len(speech)]
    return (speech + 10 ** (-loss_db / 20) * copy).astype(np.float32)


def equalise(speech: FloatArray, chance: Generator) -> FloatArray:
    """A smooth random frequency response, up to 6 dB, as of another microphone."""
    size = transform_size(len(speech))
    spectrum = np.fft.rfft(speech, size)
    knots = chance.uniform(-6, 6, size=6)
    gain_db = np.interp(np.linspace(0, 5, len(spectrum)), np.arange(6), knots)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), size)[: len(speech)].astype(np.float32)


def band_limit(speech: FloatArray, lowest_hz: float, highest_hz: float) -> FloatArray:
    """Only what lies between two frequencies, with 100 Hz of soft edge at each."""
    size = transform_size(len(speech))
    spectrum = np.fft.rfft(speech, size)
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    edges = np.clip((hz - lowest_hz) / 100 + 1, 0, 1) * np.clip((highest_hz - hz) / 100 + 1, 0, 1)
    return np.fft.irfft(spectrum * edges, size)[: len(speech)].astype(np.float32)


def clip_peaks(speech: FloatArray, share: float) -> FloatArray:
    """Overdriven audio: everything above a share of the peak is cut off."""
    limit = share * float(np.abs(speech).max(initial=0))
    return np.clip(speech, -limit, limit)


def rms(audio: FloatArray) -> float:
    """Root mean square of the audio."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0


def transform_size(samples: int) -> int:
    """A power of two with room for the samples: other lengths can be ten times slower."""
    return 1 << max(1, samples - 1).bit_length()
