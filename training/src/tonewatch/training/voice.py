"""A synthetic voice with a mood: espeak-ng speaks, and its effort is shaped afterwards.

A tense, shouting voice has more of its energy at high frequencies (a flatter spectral tilt),
is compressed, and rough; a calm one falls off steeply. See Banse & Scherer, 1996, and
Patel et al., 2011. espeak-ng itself sets pitch, its range and the rate of speaking.
"""

import shutil
import subprocess
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from tonewatch.inference.engines.compact.features import SAMPLE_RATE_HZ
from tonewatch.shared.errors import UnavailableError

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mood:
    """How a sentence is spoken."""

    voice: str  # espeak-ng voice and variant, as en-us+m3
    pitch: int  # 0 to 99, espeak-ng's -p
    range_percent: int  # of pitch movement; 100 is espeak-ng's own
    words_per_minute: int
    tilt_db_per_octave: float = 0.0  # above 500 Hz; positive is more effort
    drive: float = 0.0  # 0 to 1, saturation as of an overloaded voice
    roughness: float = 0.0  # 0 to 1, depth of a 70 Hz modulation as in a growl


def speak(sentence: str, mood: Mood) -> FloatArray:
    """The sentence as float32 mono audio at 16 kHz with a peak of 0.7, quiet ends cut.

    Raises:
        UnavailableError: espeak-ng is not installed or cannot speak with this voice.
    """
    audio = shape(_espeak(sentence, mood), mood)
    loud = np.flatnonzero(np.abs(audio) > 0.01 * np.abs(audio).max())
    audio = audio[loud[0] : loud[-1] + 1]
    return np.asarray(0.7 * audio / np.abs(audio).max(), dtype=np.float32)


def _espeak(sentence: str, mood: Mood) -> FloatArray:
    program = shutil.which("espeak-ng")
    if program is None:
        raise UnavailableError("espeak-ng is not installed: on Debian, apt-get install espeak-ng")
    markup = f'<speak><prosody range="{mood.range_percent}%">{sentence}</prosody></speak>'
    settings = ["-v", mood.voice, "-p", str(mood.pitch), "-s", str(mood.words_per_minute)]
    done = subprocess.run(  # noqa: S603 - arguments are ours, there is no shell
        [program, "-m", "--stdout", *settings, markup], capture_output=True, check=False
    )
    if done.returncode or not done.stdout:
        raise UnavailableError(
            f"espeak-ng cannot speak as {mood.voice}: {done.stderr.decode().strip()}"
        )
    audio, rate_hz = soundfile.read(BytesIO(done.stdout), dtype="float32")
    return _resample(audio, rate_hz)


def _resample(audio: FloatArray, rate_hz: int) -> FloatArray:
    """Band-limited conversion to 16 kHz by cutting the spectrum."""
    samples = round(len(audio) * SAMPLE_RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(audio)[: samples // 2 + 1]
    return (np.fft.irfft(spectrum, samples) * samples / len(audio)).astype(np.float32)


def shape(audio: FloatArray, mood: Mood) -> FloatArray:
    """The audio with the mood's vocal effort: spectral tilt, then saturation, then roughness."""
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    octaves = np.log2(np.maximum(hz, 500.0) / 500.0)
    tilted = np.fft.irfft(spectrum * 10 ** (mood.tilt_db_per_octave * octaves / 20), len(audio))
    tilted /= np.abs(tilted).max()
    if mood.drive:
        gain = 1 + 9 * mood.drive
        tilted = np.tanh(gain * tilted) / np.tanh(gain)
    time = np.arange(len(audio)) / SAMPLE_RATE_HZ
    growl = 1 - mood.roughness * (0.5 + 0.5 * np.sin(2 * np.pi * 70 * time))
    return (tilted * growl).astype(np.float32)
