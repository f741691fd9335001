"""How loud a stretch of PCM is, and how much of it was too loud for its carrier."""

import math
from typing import Final

import numpy as np

FULL_SCALE: Final = 32768.0
SILENCE_DBFS: Final = -100.0
NEAR_FULL_SCALE: Final = int(0.99 * FULL_SCALE)
"""Not full scale alone: a codec and a resampler after the overdriven stage move its flat peaks."""


def level_dbfs(pcm: bytes) -> float:
    """RMS level of s16le PCM in dB of full scale; -100 for silence."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    power = float(np.dot(samples, samples)) / max(1, samples.size)
    if power <= 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(power / FULL_SCALE**2))


def clipping(pcm: bytes) -> float:
    """Share of the samples that lie at or next to full scale, 0 to 1."""
    samples = np.frombuffer(pcm, dtype="<i2")
    # not abs(): that of -32768 is -32768 again
    high = np.count_nonzero(samples >= NEAR_FULL_SCALE)
    low = np.count_nonzero(samples <= -NEAR_FULL_SCALE)
    return (high + low) / max(1, samples.size)
