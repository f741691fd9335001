"""How loud a stretch of PCM is."""

import math
from typing import Final

import numpy as np

SILENCE_DBFS: Final = -100.0


def level_dbfs(pcm: bytes) -> float:
    """RMS level of s16le PCM in dB of full scale; -100 for silence."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    power = float(np.dot(samples, samples)) / max(1, samples.size)
    return max(SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else SILENCE_DBFS
