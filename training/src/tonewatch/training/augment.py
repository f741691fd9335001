"""Makes studio recordings sound like calls: lines, rooms, noise, other microphones, other tempi.

Everything works on float32 mono audio at 16 kHz and takes its chances from the generator it is
given, so that a run can be repeated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tonewatch.inference.engines.compact.features import SAMPLE_RATE_HZ

FloatArray = NDArray[np.float32]

ROOM_SHARE, NOISE_SHARE, CLIPPING_SHARE = 0.25, 0.6, 0.15
TELEPHONE_SHARE, NARROWED_SHARE = 0.35, 0.15


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Recordings of noise and rooms to place speech in."""

    noises: tuple[FloatArray, ...]
    rooms: tuple[FloatArray, ...]


def augment(speech: FloatArray, surroundings: Surroundings, chance: Generator) -> FloatArray:
    """One plausible way in which the speech could have reached us."""
    speech = change_speed(speech, chance.uniform(0.88, 1.14))
    if surroundings.rooms and chance.random() < ROOM_SHARE:
        speech = in_room(speech, surroundings.rooms[chance.integers(len(surroundings.rooms))])
    if surroundings.noises and chance.random() < NOISE_SHARE:
        noise = surroundings.noises[chance.integers(len(surroundings.noises))]
        speech = add_noise(speech, noise, chance.uniform(5, 30), chance)
    speech = equalise(speech, chance)
    line = chance.random()
    if line < TELEPHONE_SHARE:
        speech = telephone(speech)
    elif line < TELEPHONE_SHARE + NARROWED_SHARE:
        speech = band_limit(speech, 0, chance.uniform(3_500, 7_500))
    if chance.random() < CLIPPING_SHARE:
        speech = clip_peaks(speech, chance.uniform(0.2, 0.7))
    return speech


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
    size = _transform_size(len(speech) + len(response))
    product = np.fft.rfft(speech, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(speech)].astype(np.float32)


def equalise(speech: FloatArray, chance: Generator) -> FloatArray:
    """A smooth random frequency response, up to 6 dB, as of another microphone."""
    size = _transform_size(len(speech))
    spectrum = np.fft.rfft(speech, size)
    knots = chance.uniform(-6, 6, size=6)
    gain_db = np.interp(np.linspace(0, 5, len(spectrum)), np.arange(6), knots)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), size)[: len(speech)].astype(np.float32)


def telephone(speech: FloatArray) -> FloatArray:
    """A narrow-band line: 300 to 3400 Hz and the 8-bit mu-law of G.711."""
    narrow = band_limit(speech, 300, 3_400)
    peak = max(float(np.abs(narrow).max(initial=0)), 1e-9)
    compressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
    coarse = np.round(compressed * 127) / 127
    expanded = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255
    return np.asarray(peak * expanded, dtype=np.float32)


def band_limit(speech: FloatArray, lowest_hz: float, highest_hz: float) -> FloatArray:
    """Only what lies between two frequencies, with 100 Hz of soft edge at each."""
    size = _transform_size(len(speech))
    spectrum = np.fft.rfft(speech, size)
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    edges = np.clip((hz - lowest_hz) / 100 + 1, 0, 1) * np.clip((highest_hz - hz) / 100 + 1, 0, 1)
    return np.fft.irfft(spectrum * edges, size)[: len(speech)].astype(np.float32)


def _transform_size(samples: int) -> int:
    """A power of two with room for the samples: other lengths can be ten times slower."""
    return 1 << max(1, samples - 1).bit_length()


def clip_peaks(speech: FloatArray, share: float) -> FloatArray:
    """Overdriven audio: everything above a share of the peak is cut off."""
    limit = share * float(np.abs(speech).max(initial=0))
    return np.clip(speech, -limit, limit)


def rms(audio: FloatArray) -> float:
    """Root mean square of the audio."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0


def trim(speech: FloatArray) -> FloatArray:
    """The speech without the quiet (35 dB below its loud parts) before and after it."""
    hop = SAMPLE_RATE_HZ // 100
    frames = speech[: len(speech) // hop * hop].reshape(-1, hop)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not len(level):
        return speech
    loud = np.flatnonzero(level > 0.018 * np.quantile(level, 0.95))
    if not len(loud):
        return speech
    return speech[max(0, loud[0] - 5) * hop : (loud[-1] + 6) * hop]
