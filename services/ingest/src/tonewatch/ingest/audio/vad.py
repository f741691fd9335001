"""Voice activity: WebRTC's detector on chunks of 20 ms, and the level of a stretch of PCM."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import webrtcvad

from tonewatch.ingest.audio.segmenter import CHUNK_MS
from tonewatch.shared.messages import SAMPLE_RATE_HZ

CHUNK_BYTES: Final = 2 * SAMPLE_RATE_HZ * CHUNK_MS // 1000
SILENCE_DBFS: Final = -100.0
FLOOR_DBFS: Final = -60.0
"""Below this a chunk is silence whatever the detector says: line noise has a spectrum, too."""
FLOOR_POWER: Final = 32768.0**2 * 10 ** (FLOOR_DBFS / 10)
AGGRESSIVENESS: Final = 2


class VoiceDetector:
    """Says of each 20 ms whether it is speech; keeps state, so one per track and in order."""

    def __init__(self, aggressiveness: int = AGGRESSIVENESS) -> None:
        self._vad = webrtcvad.Vad(aggressiveness)

    def voiced(self, pcm: bytes) -> Iterator[bool]:
        """One answer per chunk; a last short chunk is padded with silence."""
        padded = pcm + bytes(-len(pcm) % CHUNK_BYTES)
        samples = np.frombuffer(padded, dtype="<i2").reshape(-1, CHUNK_BYTES // 2)
        powers = np.square(samples, dtype=np.float32).mean(axis=1)
        for index, power in enumerate(powers):
            chunk = padded[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            heard = bool(self._vad.is_speech(chunk, SAMPLE_RATE_HZ))
            yield heard and float(power) > FLOOR_POWER


def level_dbfs(pcm: bytes) -> float:
    """RMS level of s16le PCM in dB of full scale; -100 for silence."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    power = float(np.dot(samples, samples)) / max(1, samples.size)
    if power <= 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(power / 32768.0**2))
