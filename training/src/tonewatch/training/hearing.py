"""Hears audio as the live pipeline does: each second scored with up to three seconds behind it."""

import subprocess
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines.compact import CompactEngine
from tonewatch.inference.engines.compact.features import SAMPLE_RATE_HZ

FloatArray = NDArray[np.float32]

WINDOW_SECONDS: Final = 3


def hear(engine: CompactEngine, audio: FloatArray) -> FloatArray:
    """Posteriors (seconds, 9): second k is scored with the audio from max(0, k - 2) to k + 1."""
    seconds = len(audio) // SAMPLE_RATE_HZ
    windows = [
        audio[max(0, second + 1 - WINDOW_SECONDS) * SAMPLE_RATE_HZ : (second + 1) * SAMPLE_RATE_HZ]
        for second in range(seconds)
    ]
    return np.stack([answer.probabilities for answer in engine.score(windows)])


def through_aac(audio: FloatArray) -> FloatArray:
    """The audio after AAC at 64 kbit/s, mono, 44.1 kHz: what an RTMP encoder makes of it."""
    raw = ["-f", "f32le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1"]
    encode = [*raw, "-i", "-", "-c:a", "aac", "-b:a", "64k", "-ar", "44100", "-f", "adts", "-"]
    decode = ["-f", "aac", "-i", "-", *raw, "-"]
    content = audio.astype(np.float32).tobytes()
    for arguments in (encode, decode):
        command = ["ffmpeg", "-v", "error", *arguments]
        content = subprocess.run(command, input=content, capture_output=True, check=True).stdout  # noqa: S603
    return np.frombuffer(content, dtype=np.float32)
