"""Voice activity: for each 20 ms of a track, whether somebody speaks.

Silero VAD decides. On speech placed at known times into silence and noise (`bench/vad.py`; figures
in the service's README) WebRTC's detector was as good in a quiet room, but in any mode it took
keyboards and music on hold for speech nearly always and ambience more than half of the time; with
an adaptive floor and smoothing still 20 s in a minute of all that. Silero takes next to none.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tonewatch.ingest.audio.levels import FULL_SCALE
from tonewatch.ingest.audio.segmenter import CHUNK_MS
from tonewatch.ingest.audio.silero import HOP_SAMPLES, Floats, SileroNetwork, hear_together
from tonewatch.shared.messages import SAMPLE_RATE_HZ

CHUNK_SAMPLES: Final = SAMPLE_RATE_HZ * CHUNK_MS // 1000
CHUNK_BYTES: Final = 2 * CHUNK_SAMPLES
FLOOR_DBFS: Final = -70.0
"""Below this a chunk is silence whatever the network says: an idle line, the other party's leak."""
FLOOR_POWER: Final = 10 ** (FLOOR_DBFS / 10)
SPEECH_PROBABILITY: Final = 0.5


class VoiceDetector:
    """Says of each 20 ms whether it is speech; keeps state, so one per track and in order."""

    def __init__(self) -> None:
        self.network = SileroNetwork()
        self._pending = np.zeros(0, dtype=np.float32)
        self._newest = np.zeros(1, dtype=np.float32)

    def voiced(self, pcm: bytes, *, final: bool = False) -> list[bool]:
        """One answer per chunk of s16le PCM; a last short chunk is padded with silence."""
        return voiced_together([Stretch(self, pcm, final)])[0]

    def begin(self, samples: Floats, *, final: bool) -> tuple[Floats, Floats]:
        """What the network is to hear now, and all that waits to be answered.

        The network answers every 32 ms. What is left over at the end of a second waits for the next
        one, and the chunks in it take the newest answer.
        """
        heard = np.concatenate((self._pending, samples))
        if final:
            heard = np.pad(heard, (0, -len(heard) % HOP_SAMPLES))
        return heard[: len(heard) - len(heard) % HOP_SAMPLES], heard

    def end(self, answers: Floats, heard: Floats, chunks: int) -> Floats:
        """The probability of speech in the middle of each chunk, from the network's answers."""
        # The network believes a voice only after some of it, so the step before counts as well.
        answers[:-1] = np.maximum(answers[:-1], answers[1:])
        known = np.concatenate((self._newest, answers))
        middles = np.arange(len(self._pending) + CHUNK_SAMPLES // 2, len(heard), CHUNK_SAMPLES)
        steps = np.minimum(1 + middles // HOP_SAMPLES, len(known) - 1)
        self._pending = heard[len(answers) * HOP_SAMPLES :].copy()
        self._newest = known[-1:].copy()
        return np.asarray(known[steps[:chunks]], dtype=np.float32)

    def forget(self) -> None:
        """Hear what follows as if it came first."""
        self.network.forget()
        self._pending, self._newest = self._pending[:0], np.zeros_like(self._newest)


class Stretch(NamedTuple):
    """What comes next of a track."""

    detector: VoiceDetector
    pcm: bytes
    final: bool


def voiced_together(stretches: Sequence[Stretch]) -> list[list[bool]]:
    """`VoiceDetector.voiced` of several tracks, each another one: quicker than one by one."""
    samples = [_samples(each.pcm) for each in stretches]
    loud = [
        np.square(each.reshape(-1, CHUNK_SAMPLES)).mean(axis=1) > FLOOR_POWER for each in samples
    ]
    for stretch, answers in zip(stretches, loud, strict=True):
        if not answers.any():
            stretch.detector.forget()  # nothing to hear is no work
    audible = [index for index, answers in enumerate(loud) if answers.any()]
    begun = [
        stretches[index].detector.begin(samples[index], final=stretches[index].final)
        for index in audible
    ]
    networks = [stretches[index].detector.network for index in audible]
    found = hear_together(networks, [whole for whole, _ in begun])
    for index, (_, heard), probabilities in zip(audible, begun, found, strict=True):
        chunks = len(loud[index])
        placed = stretches[index].detector.end(probabilities, heard, chunks)
        loud[index] &= placed >= SPEECH_PROBABILITY
    return [answers.tolist() for answers in loud]


def _samples(pcm: bytes) -> Floats:
    padded = pcm + bytes(-len(pcm) % CHUNK_BYTES)
    return np.frombuffer(padded, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
